import type { SimContainer } from "./SimContainer.ts"

const FIRST_DELAY_MILLIS = 100
const LONGEST_DELAY_MILLIS = 60_000
/** A container that ran for so long begins with the first delay again. */
const STABLE_MILLIS = 10_000

interface Policy {
  readonly Name: string
  readonly MaximumRetryCount: number
}

export const policyOf = ({ hostConfig }: SimContainer): Policy => hostConfig["RestartPolicy"] as Policy

const wants = (container: SimContainer): boolean => {
  const { Name, MaximumRetryCount } = policyOf(container)
  if (Name === "always") return true
  if (Name === "unless-stopped") return !container.manuallyStopped
  const hasTriesLeft = MaximumRetryCount === 0 || container.restartCount < MaximumRetryCount
  return Name === "on-failure" && hasTriesLeft && container.exitCode !== 0
}

/**
 * Whether the policy starts a container again that has ended, and after how many milliseconds: 100, doubled with every end up to a minute,
 * and 100 again after one that ran for ten seconds. Whoever asked for the end has cancelled the policy until the next start.
 */
export const restartDelay = (container: SimContainer, ranMillis: number): number | undefined => {
  if (["no", ""].includes(policyOf(container).Name) || container.restartCancelled) return undefined
  const before = ranMillis >= STABLE_MILLIS ? 0 : container.backOffMillis
  container.backOffMillis = Math.min(before === 0 ? FIRST_DELAY_MILLIS : before * 2, LONGEST_DELAY_MILLIS)
  return wants(container) ? container.backOffMillis : undefined
}

/** Whether an engine that comes up starts the container: as after an end that nobody asked for. */
export const comesBack = (container: SimContainer): boolean => container.startedBefore && wants(container)
