/** Rings once after `ms`; gives what takes it back. */
export type Alarm = (ms: number, ring: () => void) => () => void

export const realAlarm: Alarm = (ms, ring) => {
  const timer = setTimeout(ring, ms).unref()
  return () => clearTimeout(timer)
}
