import { readFileSync } from 'node:fs'

/** Linux reports CPU time in ticks of 1/100 s (USER_HZ), whatever the kernel's own clock. */
const TICK_MS = 10

/** CPU time that a process has used so far, user and system, all its threads, in ms (Linux: proc(5), /proc/PID/stat 14, 15). */
export function cpuOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // The command's name may hold spaces and brackets: what counts stands behind the last bracket, state first.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS
}

/** Memory of a process that is in RAM, in bytes (Linux: proc(5), VmRSS of /proc/PID/status). */
export function memoryOf(pid: number): number {
  const [, kibibytes = '0'] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kibibytes) * 1_024
}
