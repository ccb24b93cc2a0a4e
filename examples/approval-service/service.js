// node approval-service/service.js     Bob's share, on a machine that is always on and decides by rules.js.
//
// It prints one line of JSON for each decision. Ctrl-C ends it.
import { showContent } from '@quorate/client'
import { openPerson } from '../person.js'
import { objection } from './rules.js'

const { participant: bob, key } = await openPerson('bob')
const stop = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => stop.abort())

console.log(JSON.stringify({ event: 'ready', key: key.keyId }))
try {
  for await (const request of bob.watchPending(key, { signal: stop.signal })) await decide(request)
} catch (error) {
  if (!stop.signal.aborted) throw error
}

/** @param {import('@quorate/client').Signing} request */
async function decide(request) {
  const reasons = request.items.map(objection).filter((reason) => reason !== null)
  const [reason = null] = reasons
  await (reason === null ? bob.approve(request) : bob.reject(request, reason))
  const shown = request.items.map(({ content }) => showContent(content))
  console.log(JSON.stringify({ event: reason === null ? 'approved' : 'rejected', asker: request.asker, reason, shown }))
}
