import { digestOf, signBody } from '@quorate/shared/crypto/sign'
import { toBase64url } from '@quorate/shared/wire/bytes'
import type { Certificate } from '@quorate/shared/wire/certificate'
import type { RefreshRequest } from '@quorate/shared/wire/refresh'
import type { RouteReply } from '@quorate/shared/wire/routes/table'
import { certify, hostOf, type Dealt, type Fleet } from './fleet.ts'

/* A refresh of the scripted gateway's keys, by real enclaves' cryptography and in one place. */

type Epoch = RouteReply<'listCertificates'>['epochs'][number]
type KeyRow = { dealt?: Dealt; certificate?: Certificate; earlier?: Epoch[]; installed?: Epoch['installed'] }
type Status = RouteReply<'getRefresh'>

/** New shares of the same key. */
function refreshShares({ mpc }: Fleet, { roster }: Certificate['body'], { shares, publicKeys }: Dealt): Dealt {
  const { scheme, threshold, participants } = roster.skeleton
  const frost = mpc.frost(scheme)
  const group = { threshold, participants: participants.length }
  const indices = [...shares.keys()]
  const first = new Map(indices.map((index) => [index, frost.refreshPart1({ index, ...group })]))
  const others = <T>(own: number, of: (index: number) => T) =>
    new Map(indices.filter((index) => index !== own).map((index) => [index, of(index)]))
  const round1 = (own: number) => others(own, (index) => first.get(index)!.package)
  const second = new Map(
    indices.map((own) => [own, frost.refreshPart2({ secret: first.get(own)!.secret, packages: round1(own) })]),
  )
  const done = indices.map((own) => {
    const round2 = others(own, (index) => second.get(index)!.packages.get(own)!)
    const share = shares.get(own)!
    const { secret } = second.get(own)!
    return [own, frost.refreshPart3({ secret, round1: round1(own), round2, share, publicKeys })] as const
  })
  return { shares: new Map(done.map(([own, { share }]) => [own, share])), publicKeys: done[0]![1].publicKeys }
}

/** The certificate of the next epoch, changed before all hosts sign it. */
export async function nextEpoch(
  fleet: Fleet,
  { body }: Certificate,
  dealt: Dealt,
  change: Partial<Certificate['body']> = {},
): Promise<{ certificate: Certificate; dealt: Dealt }> {
  const next = refreshShares(fleet, body, dealt)
  const publicKeys = toBase64url(next.publicKeys)
  const previous = digestOf('certificate', body)
  const certificate = await certify(fleet, { ...body, publicKeys, epoch: body.epoch + 1, previous, ...change })
  return { certificate, dealt: next }
}

/** What all hosts of a certificate say: that they have prepared it, and, over that, that they have installed it. */
export async function wordsOf(
  fleet: Fleet,
  { body }: Certificate,
  word = '77',
): Promise<Pick<Status, 'prepared' | 'installed'>> {
  const { keyId, participants } = body.roster.skeleton
  const version = { keyId, certificateDigest: digestOf('certificate', body), epoch: body.epoch }
  const all = <T>(tag: 'prepared' | 'installed', more: T) =>
    Promise.all(
      participants.map(({ index }) => {
        const { signer } = hostOf(fleet, body.roster.skeleton, index)
        return signBody(signer, tag, { ...version, index, ...more })
      }),
    )
  const prepared = await all('prepared', { word: word.repeat(32) })
  const installed = await all('installed', { preparedDigest: digestOf('prepared-all', prepared) })
  return { prepared, installed }
}

/** What the scripted gateway answers about refreshes: each is completed at once. */
export function refreshHandlers(fleet: Fleet, keys: ReadonlyMap<string, KeyRow>) {
  const refreshes = new Map<string, Status>()
  return {
    requestRefresh: async ({ body: request }: { body: RefreshRequest }): Promise<Status> => {
      const row = keys.get(request.body.keyId)!
      const { certificate, dealt } = await nextEpoch(fleet, row.certificate!, row.dealt!)
      const before = { certificate: row.certificate!, installed: row.installed ?? [] }
      const words = await wordsOf(fleet, certificate)
      const { installed } = words
      Object.assign(row, { certificate, dealt, installed, earlier: [...(row.earlier ?? []), before] })
      const { refreshId, keyId, expiresAt } = request.body
      const status: Status = {
        ...{ refreshId, keyId, version: 2, state: 'completed', expiresAt, attempt: 1, request, failure: null },
        certificate,
        ...words,
      }
      refreshes.set(refreshId, status)
      return status
    },
    getRefresh: ({ params }: { params: { refreshId: string } }) => refreshes.get(params.refreshId),
    listCertificates: ({ params: { keyId }, query }: { params: { keyId: string }; query: URLSearchParams }) => {
      const { certificate, earlier = [], installed = [] } = keys.get(keyId)!
      const all = [...earlier, { certificate: certificate!, installed }]
      const from = Number(query.get('from'))
      return { keyId, epochs: all.filter(({ certificate: { body } }) => body.epoch >= from) }
    },
  }
}
