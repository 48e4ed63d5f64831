/** What a simulated engine answers to a request that a real one refuses; `status` is that of HTTP. */
export class SimRefusal extends Error {
  readonly status: number
  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}
