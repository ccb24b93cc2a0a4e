/*
 * PKCS #11 version 2.40 by node:ffi: the C functions that sealing needs, and the few of its constants. CK_ULONG is 64 bits wide,
 * as it is on every 64-bit Linux. Each call blocks the event loop until the module has answered.
 */
const [rv, ulong, buffer, pointer] = ['u64', 'u64', 'buffer', 'pointer'] as const

const definitions = {
  C_Initialize: { arguments: [pointer], return: rv },
  C_GetSlotList: { arguments: ['u8', pointer, buffer], return: rv },
  C_GetTokenInfo: { arguments: [ulong, buffer], return: rv },
  C_OpenSession: { arguments: [ulong, ulong, pointer, pointer, buffer], return: rv },
  C_CloseSession: { arguments: [ulong], return: rv },
  C_Login: { arguments: [ulong, ulong, buffer, ulong], return: rv },
  C_Logout: { arguments: [ulong], return: rv },
  C_FindObjectsInit: { arguments: [ulong, buffer, ulong], return: rv },
  C_FindObjects: { arguments: [ulong, buffer, ulong, buffer], return: rv },
  C_FindObjectsFinal: { arguments: [ulong], return: rv },
  C_GetAttributeValue: { arguments: [ulong, ulong, buffer, ulong], return: rv },
  C_EncryptInit: { arguments: [ulong, buffer, ulong], return: rv },
  C_Encrypt: { arguments: [ulong, buffer, ulong, buffer, buffer], return: rv },
  C_DecryptInit: { arguments: [ulong, buffer, ulong], return: rv },
  C_Decrypt: { arguments: [ulong, buffer, ulong, buffer, buffer], return: rv },
  C_GenerateRandom: { arguments: [ulong, buffer, ulong], return: rv },
} as const

export type Bytes = Uint8Array<ArrayBuffer>
export type Cryptoki = ReturnType<typeof loadCryptoki>

/** Loads a module from this path. Throws a plain Error where there is no node:ffi, or no such module. */
export function loadCryptoki(library: string) {
  const ffi = process.platform === 'linux' ? process.getBuiltinModule('node:ffi') : undefined
  if (ffi === undefined) throw new Error('PKCS #11 needs Linux and a Node with node:ffi (26.1 or newer)')
  const { functions } = ffi.dlopen(library, definitions)
  // By the whole buffer: that brings the bytes off the heap, where they stay in their place.
  const addressOf = (bytes: Bytes): bigint => ffi.getRawPointer(bytes.buffer) + BigInt(bytes.byteOffset)
  return { ...functions, addressOf }
}

/** CKR_*: return values. */
export const Ckr = {
  ok: 0x00n,
  hostMemory: 0x02n,
  deviceError: 0x30n,
  deviceMemory: 0x31n,
  deviceRemoved: 0x32n,
  encryptedDataInvalid: 0x40n,
  encryptedDataLengthRange: 0x41n,
  keyFunctionNotPermitted: 0x68n,
  pinIncorrect: 0xa0n,
  pinInvalid: 0xa1n,
  pinLengthRange: 0xa2n,
  pinExpired: 0xa3n,
  pinLocked: 0xa4n,
  sessionClosed: 0xb0n,
  userNotLoggedIn: 0x101n,
  userPinNotInitialized: 0x102n,
  alreadyInitialized: 0x191n,
} as const

/** CKA_*: attributes. */
export const Cka = {
  class: 0x00n,
  token: 0x01n,
  private: 0x02n,
  label: 0x03n,
  keyType: 0x100n,
  sensitive: 0x103n,
  encrypt: 0x104n,
  decrypt: 0x105n,
  valueLength: 0x161n,
  extractable: 0x162n,
} as const

export const classSecretKey = 0x04n
export const keyTypeAes = 0x1fn
export const userTypeUser = 1n
/** CKF_SERIAL_SESSION | CKF_RW_SESSION: CloudHSM has no read-only sessions. */
export const sessionFlags = 0x06n
/** CKM_AES_GCM, and AWS's own form of it, which puts an initialization vector that the HSM draws before the ciphertext. */
export const mechanisms = { 'aes-gcm': 0x1087n, 'cloudhsm-aes-gcm': 0x8000_1087n } as const
export type Mechanism = keyof typeof mechanisms
