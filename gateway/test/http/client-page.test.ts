import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { keyA, startTestHttp, unknownKey, waitingEvent, type TestHttp } from './fixture.ts'
import { chromiumIsThere, openChromium } from '../../../shared/test/chromium.js'

let http: TestHttp
beforeAll(async () => {
  http = await startTestHttp({ nostrKey: keyA })
})
afterAll(() => http.close())

const pageOf = (keyId: string, eventId: string) => fetch(`${http.url}/bunker/${keyId}/${eventId}`)
const command = `quorate bunker approve ${waitingEvent}`

describe('the page to which a program sends its user', () => {
  it('says who asks, when, until when, and what to type or scan, and nothing that only owners may know', async () => {
    const response = await pageOf(keyA, waitingEvent)
    const html = await response.text()
    expect(response.status).toBe(200)
    for (const shown of ['11'.repeat(32), '2023-11-14 22:13 UTC', '2023-11-14 23:13 UTC', command, '<svg'])
      expect(html).toContain(shown)
    expect(html).not.toMatch(/<script|src=|href=|<form/)
    expect(response.headers.get('cache-control')).toBe('no-store')
  })

  it.each([
    ['another key', unknownKey, waitingEvent],
    ['another request', keyA, 'cd'.repeat(32)],
    ['no key', 'key', waitingEvent],
    ['no request', keyA, '%3Cscript%3E'],
  ])('says that nothing waits for %s', async (_, keyId, eventId) => {
    const response = await pageOf(keyId, eventId)
    expect(response.status).toBe(404)
    expect(await response.text()).toContain('Nothing waits here')
  })

  it('takes nothing but GET', async () => {
    const response = await fetch(`${http.url}/bunker/${keyA}/${waitingEvent}`, { method: 'POST' })
    expect(response.status).toBe(405)
  })

  it.skipIf(!chromiumIsThere('pages of the gateway'))(
    'is shown by a browser under its policy, with nothing refused or fetched',
    async () => {
      const browser = await openChromium()
      try {
        const tab = await browser.newPage()
        const [complaints, fetched]: [string[], string[]] = [[], []]
        tab.on('console', (line) => complaints.push(line.text()))
        tab.on('request', (request) => fetched.push(new URL(request.url()).pathname))
        await tab.goto(`${http.url}/bunker/${keyA}/${waitingEvent}`)
        expect(await tab.title()).toBe('A program asks for your yes')
        expect(await tab.locator('code').first().textContent()).toBe(command)
        const box = await tab.locator('svg').boundingBox()
        expect(box?.width).toBe(192)
        expect(await tab.evaluate('document.fonts.status')).toBe('loaded')
        expect(complaints.filter((line) => !line.includes('favicon'))).toEqual([])
        expect(fetched.filter((path) => path !== '/favicon.ico')).toEqual([`/bunker/${keyA}/${waitingEvent}`])
      } finally {
        await browser.close()
      }
    },
  )
})

describe('the page to which a program brings its user with a string of its own', () => {
  it('says what to type, and never gets the string, which stands after the #', async () => {
    const template = `${http.url}/bunker/${keyA}/connect#<nostrconnect>`
    const response = await fetch(
      template.replace('<nostrconnect>', 'nostrconnect://aa?relay=wss%3A%2F%2Fr&secret=s3cret'),
    )
    const html = await response.text()
    expect([response.status, html]).toEqual([200, expect.stringContaining('quorate bunker connect aaaaaaaa')])
    expect(html).not.toMatch(/<script|s3cret/)
    for (const key of [unknownKey, 'key']) expect((await fetch(`${http.url}/bunker/${key}/connect`)).status).toBe(404)
  })
})

describe('NIP-05', () => {
  it('names the bunker that the operator chose, and its relays, to pages of any origin', async () => {
    const response = await fetch(`${http.url}/.well-known/nostr.json?name=_`)
    expect(response.headers.get('access-control-allow-origin')).toBe('*')
    const nostrconnect_url = `https://quorate.example/bunker/${keyA}/connect#<nostrconnect>`
    expect(await response.json()).toEqual({
      names: { _: '11'.repeat(32) },
      nip46: { relays: ['wss://relay.example'], nostrconnect_url },
    })
    expect(await (await fetch(`${http.url}/.well-known/nostr.json?name=bob`)).json()).toEqual({ names: {} })
  })
})
