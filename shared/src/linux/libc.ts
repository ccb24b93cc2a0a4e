import { getSystemErrorName } from 'node:util'

/*
 * The system calls that Node does not offer, by node:ffi: sockets of other families than TCP and UNIX, and ioctl. Nothing
 * here copies payload: a call or two when a stream begins, and the stream is libuv's from then on.
 */
const i32 = 'i32'
const definitions = {
  socket: { arguments: [i32, i32, i32], return: i32 },
  socketpair: { arguments: [i32, i32, i32, 'buffer'], return: i32 },
  bind: { arguments: [i32, 'buffer', 'u32'], return: i32 },
  listen: { arguments: [i32, i32], return: i32 },
  connect: { arguments: [i32, 'buffer', 'u32'], return: i32 },
  poll: { arguments: ['buffer', 'u64', i32], return: i32 },
  getsockopt: { arguments: [i32, i32, i32, 'buffer', 'buffer'], return: i32 },
  getsockname: { arguments: [i32, 'buffer', 'buffer'], return: i32 },
  getpeername: { arguments: [i32, 'buffer', 'buffer'], return: i32 },
  dup3: { arguments: [i32, i32, i32], return: i32 },
  close: { arguments: [i32], return: i32 },
  // Variadic in C; on Linux's calling conventions (x86-64, AArch64) its third argument travels like a fixed one.
  ioctl: { arguments: [i32, 'u64', 'buffer'], return: i32 },
} as const

export type Libc = ReturnType<typeof load>

let loaded: Libc | undefined

/** The calls, returning what C returns. Throws a plain Error where there is no node:ffi: before Node 26.1, or off Linux. */
export const libc = (): Libc => (loaded ??= load())

function load() {
  const ffi = process.platform === 'linux' ? process.getBuiltinModule('node:ffi') : undefined
  if (ffi === undefined) throw new Error('vsock and /dev/nsm need Linux and a Node with node:ffi (26.1 or newer)')
  const { functions } = ffi.dlopen(null, definitions)
  // One place per thread, so it is asked for once: an allocation between a call and the look at errno could change it.
  const { __errno_location: locate } = ffi.dlopen(null, {
    __errno_location: { arguments: [], return: 'pointer' },
  }).functions
  const errnoAt = locate()
  const errno = (): number => ffi.getInt32(errnoAt)
  const addressOf = (buffer: ArrayBuffer): bigint => ffi.getRawPointer(buffer)
  return { ...functions, errno, addressOf }
}

/** What a call failed with, as Node says it: `code` is the name of the errno. */
export function systemError(syscall: string, errno: number): NodeJS.ErrnoException {
  const code = errno > 0 ? getSystemErrorName(-errno) : 'EUNKNOWN'
  return Object.assign(new Error(`${syscall} ${code}`), { code, errno: -errno, syscall })
}

/** Passes a result on. Throws the error that errno names for a negative one; nothing may come between call and check. */
export function checked(syscall: string, result: number): number {
  if (result < 0) throw systemError(syscall, libc().errno())
  return result
}
