/**
 * The kernel's command line, as AWS's own image has it but for `nomodules` (Debian's kernel has its drivers as modules), and
 * harder: the kernel locked even against root, memory wiped when it is taken and when it is given back, a fault ends all.
 */
const production = [
  'reboot=k',
  'panic=1',
  'oops=panic',
  'pci=off',
  'console=ttyS0',
  'i8042.noaux',
  'i8042.nomux',
  'i8042.nopnp',
  'i8042.dumbkbd',
  'random.trust_cpu=on',
  'lockdown=confidentiality',
  'init_on_alloc=1',
  'init_on_free=1',
  'slab_nomerge',
  'vsyscall=none',
]

/**
 * Emulated CPUs do not tell the rate of their time stamp counter, which is that of the machine that emulates, and Linux cannot
 * measure it there: it compares it with a timer that is late when that machine is busy. With a false rate, or by that timer, the
 * enclave's clock runs at another speed than its peers'.
 */
export type Profile = 'production' | Readonly<{ emulatedTscKhz: number }>

export const cmdlineOf = (profile: Profile): string =>
  [...production, ...(profile === 'production' ? [] : emulatedClock(profile.emulatedTscKhz))].join(' ')

const emulatedClock = (tscKhz: number): string[] => [`tsc_early_khz=${tscKhz}`, 'tsc=reliable']
