import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  CipherMethod,
  credentialKinds,
  formatPermission,
  Permissions,
  permissionsOf,
  permitsKind,
  readPermissions,
} from './permissions.ts'
import { permission } from '../../test/nostr/permission.ts'
import { presets } from './presets.ts'

describe('a list of permissions', () => {
  it('is read as the specification writes it', () => {
    expect(readPermissions('nip44_encrypt,sign_event:4')).toEqual([
      { method: 'nip44_encrypt', kind: null },
      { method: 'sign_event', kind: 4 },
    ])
    expect(readPermissions('sign_event')).toEqual([{ method: 'sign_event', kind: null }])
    expect(readPermissions('')).toEqual([])
  })

  it('comes back from its text', () => {
    fc.assert(
      fc.property(fc.uniqueArray(permission, { selector: formatPermission, maxLength: 20 }), (list) => {
        expect(readPermissions(list.map(formatPermission).join(','))).toEqual(list)
      }),
    )
  })

  it('leaves out what this signer cannot do, whatever it is', () => {
    const odd = ['get_relays', 'ping', 'sign_event:', 'sign_event:65536', 'sign_event:01', 'sign_event:1:2']
    expect(
      readPermissions([...odd, 'sign_event:-1', 'nip44_encrypt:4', '__proto__', 'SIGN_EVENT:1'].join(',')),
    ).toEqual([])
    expect(readPermissions('decrypt_zap_event, sign_event:1 ,sign_event:1')).toEqual([
      { method: 'sign_event', kind: 1 },
    ])
  })

  it('becomes a set that permits each of it and no other kind', () => {
    fc.assert(
      fc.property(fc.array(permission, { maxLength: 8 }), fc.nat(65_535), (list, other) => {
        const set = permissionsOf(list)
        expect(Permissions.safeParse(set).success).toBe(true)
        const signing = list.filter(({ method }) => method === 'sign_event')
        for (const { kind } of signing) if (kind !== null) expect(permitsKind(set, kind)).toBe(true)
        const any = signing.some(({ kind }) => kind === null) && !credentialKinds.includes(other)
        expect(permitsKind(set, other)).toBe(any || signing.some(({ kind }) => kind === other))
        const ciphers = CipherMethod.options.filter((cipher) => list.some(({ method }) => method === cipher))
        expect(set.methods).toEqual(ciphers)
      }),
    )
  })
})

describe('a credential', () => {
  it.each([22_242, 24_133, 24_242, 27_235])('of kind %i is permitted by its name alone', (kind) => {
    expect(permitsKind({ methods: [], kinds: { ordinary: true, named: [] } }, kind)).toBe(false)
    expect(permitsKind({ methods: [], kinds: { ordinary: false, named: [kind] } }, kind)).toBe(true)
    for (const { permissions } of Object.values(presets)) expect(permitsKind(permissions, kind)).toBe(false)
  })
})

describe('presets', () => {
  it.each(Object.entries(presets))('%s is a set, in words of its own', (_, { words, permissions }) => {
    expect(Permissions.safeParse(permissions).success).toBe(true)
    expect(words).toMatch(/^[a-z]/)
    expect(Object.values(presets).filter((other) => other.words === words).length).toBe(1)
  })

  it('of narrow names permit no private message, and nothing permits nothing', () => {
    for (const { permissions } of [presets.notes, presets.articles, presets.profile, presets.nothing]) {
      expect(permissions.methods).toEqual([])
      expect(permitsKind(permissions, 4)).toBe(false)
    }
    const kinds = Array.from({ length: 65_536 }, (_, kind) => kind)
    expect(kinds.filter((kind) => permitsKind(presets.nothing.permissions, kind))).toEqual([])
  })
})
