import type { Permissions } from './permissions.ts'

/** A set of permissions under a name, and what it means to a person. */
type Preset = Readonly<{ words: string; permissions: Permissions }>

const signing = (...named: number[]): Permissions => ({ methods: [], kinds: { ordinary: false, named } })

/** What an owner picks from. No preset holds a credential: that is always named. */
export const presets = {
  nothing: { words: 'do nothing without being asked for each time', permissions: signing() },
  notes: { words: 'publish notes, replies, reposts and reactions', permissions: signing(1, 6, 7, 16, 1_111) },
  articles: { words: 'publish articles, and drafts of them', permissions: signing(30_023, 30_024) },
  profile: {
    words: 'change the profile, whom the user follows and mutes, and which relays the user is on',
    permissions: signing(0, 3, 10_000, 10_002, 10_050),
  },
  messages: {
    words: 'read and send all private messages, past and to come',
    permissions: {
      methods: ['nip44_encrypt', 'nip44_decrypt', 'nip04_encrypt', 'nip04_decrypt'],
      kinds: { ordinary: false, named: [4, 13] },
    },
  },
  everything: {
    words: 'do all that the user can, but prove to others who the user is',
    permissions: {
      methods: ['nip44_encrypt', 'nip44_decrypt', 'nip04_encrypt', 'nip04_decrypt'],
      kinds: { ordinary: true, named: [] },
    },
  },
} as const satisfies Record<string, Preset>

export type PresetName = keyof typeof presets
