import { digestOf } from '@quorate/shared/crypto/sign'
import type { Certificate } from '@quorate/shared/wire/certificate'
import type { RefreshRequest } from '@quorate/shared/wire/refresh'
import type { RouteReply } from '@quorate/shared/wire/routes/table'
import type { MadeKey } from '../../shared/party/test/ceremony.js'
import { carryOut } from '../../shared/party/test/refresh.js'
import { hostOf, type Fleet } from './fleet.ts'

type Epoch = RouteReply<'listCertificates'>['epochs'][number]
type KeyRow = { made?: MadeKey; earlier?: Epoch[] }
type Status = RouteReply<'getRefresh'>

/** What all hosts of a certificate can be made to say: that they have prepared it, and, over that, that they have installed it. */
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
        const host = hostOf(fleet, body.roster.skeleton, index)
        return host.keys.sign(tag, { ...version, index, life: host.presence().life, ...more })
      }),
    )
  const prepared = await all('prepared', { word: word.repeat(32) })
  const installed = await all('installed', { preparedDigest: digestOf('prepared-all', prepared) })
  return { prepared, installed }
}

const epochOf = ({ certificate, installed }: MadeKey): Epoch => ({ certificate, installed: [...installed] })

/** What the scripted gateway answers about refreshes: each is completed at once. */
export function refreshHandlers(keys: ReadonlyMap<string, KeyRow>) {
  const refreshes = new Map<string, Status>()
  return {
    requestRefresh: async ({ body: request }: { body: RefreshRequest }): Promise<Status> => {
      const row = keys.get(request.body.keyId)!
      const next = await carryOut(row.made!, request)
      Object.assign(row, { made: next, earlier: [...(row.earlier ?? []), epochOf(row.made!)] })
      const { refreshId, keyId, expiresAt } = request.body
      const status: Status = {
        refreshId,
        keyId,
        version: 2,
        state: 'completed',
        expiresAt,
        attempt: 1,
        request,
        failure: null,
        certificate: next.certificate,
        prepared: [...next.prepared],
        installed: [...next.installed],
      }
      refreshes.set(refreshId, status)
      return status
    },
    getRefresh: ({ params }: { params: { refreshId: string } }) => refreshes.get(params.refreshId),
    listCertificates: ({ params: { keyId }, query }: { params: { keyId: string }; query: URLSearchParams }) => {
      const { made, earlier = [] } = keys.get(keyId)!
      const all = [...earlier, epochOf(made!)]
      const from = Number(query.get('from'))
      return { keyId, epochs: all.filter(({ certificate: { body } }) => body.epoch >= from) }
    },
  }
}
