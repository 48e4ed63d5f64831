import * as Metric from "effect/Metric"

const gauge = Metric.gauge("anchord_build_info", { description: "Always 1; the labels tell the build" })

/** `anchord_build_info` of SPEC §12. */
export const buildInfo = (version: string, commit: string) => Metric.withAttributes(gauge, { version, commit })
