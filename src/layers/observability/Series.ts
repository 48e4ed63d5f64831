import { remembered } from "../../domain/Remembered.ts"

/**
 * The series of one metric, by their labels. Each is made once and keeps the text that the registry knows it by; those that
 * `Metric.withAttributes` makes of one metric put it together anew whenever another one of them had its turn.
 */
export const series = <Labels extends Readonly<Record<string, string>>, Series>(
  make: (labels: Labels) => Series
): ((labels: Labels) => Series) => remembered((labels) => Object.values(labels).join(), make)
