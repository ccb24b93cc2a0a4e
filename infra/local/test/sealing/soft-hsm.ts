import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Cka, classSecretKey, keyTypeAes, loadCryptoki } from '@quorate/enclave/platform/sealing/cryptoki'
import { attributes, words } from '@quorate/enclave/platform/sealing/cryptoki-structures'

const ffi = process.platform === 'linux' ? process.getBuiltinModule('node:ffi') : undefined

/** SoftHSM 2 of Debian and its kin, wherever it is installed; undefined also where Node cannot call it. */
export const softHsm = [
  '/usr/lib/softhsm/libsofthsm2.so',
  '/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so',
  '/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so',
].find((path) => ffi !== undefined && existsSync(path))

export const pin = '7-4-1-the-pin'
const officerPin = 'officer-pin'

/** A folder with tokens of these labels, which this process's SoftHSM reads. The module is a process's own: one folder for each. */
export function makeTokens(labels: readonly string[]): { close: () => void } {
  const folder = mkdtempSync(join(tmpdir(), 'softhsm-'))
  mkdirSync(join(folder, 'tokens'))
  writeFileSync(join(folder, 'softhsm2.conf'), `directories.tokendir = ${join(folder, 'tokens')}\nlog.level = ERROR\n`)
  process.env['SOFTHSM2_CONF'] = join(folder, 'softhsm2.conf')
  for (const label of labels)
    execFileSync('softhsm2-util', ['--init-token', '--free', '--label', label, '--pin', pin, '--so-pin', officerPin], {
      stdio: 'ignore',
    })
  return { close: () => rmSync(folder, { recursive: true }) }
}

export type KeyForm = Readonly<{
  token: string
  label: string
  extractable?: boolean
  sensitive?: boolean
  length?: number
}>

/** What a test does beside the enclave: the calls that make and remove keys, which sealing does not need. */
function officer(library: string) {
  const { functions } = ffi!.dlopen(library, {
    C_GenerateKey: { arguments: ['u64', 'buffer', 'buffer', 'u64', 'buffer'], return: 'u64' },
    C_DestroyObject: { arguments: ['u64', 'u64'], return: 'u64' },
  })
  return functions
}

/** Logs in to the token of this label and acts. */
export function atToken<T>(label: string, act: (session: bigint, hsm: ReturnType<typeof loadCryptoki>) => T): T {
  const hsm = loadCryptoki(softHsm!)
  hsm.C_Initialize(0n)
  const slots = new BigUint64Array(16)
  const count = words(16n)
  hsm.C_GetSlotList(1, hsm.addressOf(new Uint8Array(slots.buffer)), count)
  const info = new Uint8Array(208)
  const slot = [...slots].find(
    (one) => hsm.C_GetTokenInfo(one, info) === 0n && Buffer.from(info.subarray(0, 32)).toString().trimEnd() === label,
  )
  const handle = words(0n)
  if (slot === undefined || hsm.C_OpenSession(slot, 6n, 0n, 0n, handle) !== 0n) throw new Error(`no token ${label}`)
  const session = new BigUint64Array(handle.buffer)[0]!
  try {
    const secret = Uint8Array.from(Buffer.from(pin))
    if (hsm.C_Login(session, 1n, secret, BigInt(secret.length)) !== 0n) throw new Error('no login')
    return act(session, hsm)
  } finally {
    hsm.C_Logout(session)
    hsm.C_CloseSession(session)
  }
}

const yes = () => Uint8Array.of(1)
const flag = (value: boolean) => Uint8Array.of(value ? 1 : 0)

/** CKM_AES_KEY_GEN. */
export function makeKey({ token, label, extractable = false, sensitive = true, length = 32 }: KeyForm): void {
  atToken(token, (session, hsm) => {
    const template = attributes(hsm.addressOf, [
      [Cka.class, words(classSecretKey)],
      [Cka.keyType, words(keyTypeAes)],
      [Cka.token, yes()],
      [Cka.private, yes()],
      [Cka.label, Uint8Array.from(Buffer.from(label))],
      [Cka.valueLength, words(BigInt(length))],
      [Cka.encrypt, yes()],
      [Cka.decrypt, yes()],
      [Cka.sensitive, flag(sensitive)],
      [Cka.extractable, flag(extractable)],
    ])
    const handle = words(0n)
    const result = officer(softHsm!).C_GenerateKey(session, words(0x1080n, 0n, 0n), template.bytes, 10n, handle)
    if (result !== 0n || template.kept.length === 0) throw new Error(`C_GenerateKey ${result.toString(16)}`)
  })
}

/** C_DestroyObject of all that have this label. */
export const removeKey = (token: string, label: string): void =>
  atToken(token, (session, hsm) => {
    const template = attributes(hsm.addressOf, [[Cka.label, Uint8Array.from(Buffer.from(label))]])
    const [found, count] = [new BigUint64Array(8), words(0n)]
    hsm.C_FindObjectsInit(session, template.bytes, 1n)
    hsm.C_FindObjects(session, new Uint8Array(found.buffer), 8n, count)
    hsm.C_FindObjectsFinal(session)
    const objects = found.subarray(0, Number(new BigUint64Array(count.buffer)[0]))
    if (objects.length === 0 || template.kept.length === 0) throw new Error(`no ${label}`)
    for (const object of objects) officer(softHsm!).C_DestroyObject(session, object)
  })
