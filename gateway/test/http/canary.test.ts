import { Refusal } from '@quorate/shared/errors'
import { expect, it } from 'vitest'
import { bearer, getPath, keyA, post, proofOf, raw, startTestHttp, tokenFor } from './fixture.ts'

const canary = 'CANARYc0ffee'

/** Everything that a stranger or a fault can carry in, at every place where it can stand. */
it('lets no secret that it was shown into logs, metrics or errors', async () => {
  const http = await startTestHttp()
  const token = await tokenFor(http, keyA)
  const seen: string[] = []
  const note = async (reply: Response) =>
    seen.push(await reply.text(), JSON.stringify([...reply.headers]), String(reply.status))

  for (const path of ['/keygen/reserve', `/keygen/${keyA}/init`, '/signing', `/signing/${canary}/approve`, '/sessions'])
    for (const body of [
      `{"${canary}":"${canary}"}`,
      `"${canary}"`,
      `{"${canary}`,
      `{"scheme":"${canary}","threshold":{"${canary}":1}}`,
    ])
      await note(await post(http.api + path, body, { 'idempotency-key': canary, 'x-canary': canary }))
  await note(await post(`${http.api}/sessions`, await proofOf(http.reader, { gateway: canary })))
  await note(await fetch(`${http.api}/keygen/${keyA}/status?${canary}=${canary}&wait=${canary}`, bearer(token)))
  await note(await fetch(`${http.api}/keygen/${keyA}/status`, bearer(`${token}${canary}`)))
  await note(await fetch(`${http.api}/keygen/${canary}/status`, bearer(token)))
  seen.push((await getPath(http.url, `/${canary}/%ff`)).body, (await getPath(http.url, `/api/v1/keys/%${canary}`)).body)
  seen.push(await raw(http.url, `GET /healthz HTTP/1.1\r\n${canary}\r\n\r\n`))

  const faults = [
    new Error(canary, { cause: new Error(canary) }),
    Object.assign(new Refusal('internal'), { share: canary }),
    Object.assign(new TypeError(canary), { stack: `TypeError: ${canary}\n    at somewhere (file.ts:1:1)` }),
    canary,
  ]
  for (const fault of faults) {
    // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- what is thrown may be anything
    Object.assign(http.coordinator.follow.keygen, { status: () => Promise.reject(fault) })
    await note(await fetch(`${http.api}/keygen/${keyA}/status`, bearer(token)))
  }
  expect(seen.filter((text) => text === '500')).toHaveLength(faults.length)
  seen.push(await (await fetch(`${http.metricsUrl}/metrics`)).text())
  await http.close()

  const everything = [...seen, ...http.lines].join('\n')
  expect(http.lines.length).toBeGreaterThan(20)
  expect(everything.toLowerCase()).not.toContain(canary.toLowerCase())
  for (const secret of [token, token.split('.')[2]!, '09'.repeat(32), Buffer.alloc(32, 9).toString('base64')])
    expect(everything).not.toContain(secret)
})
