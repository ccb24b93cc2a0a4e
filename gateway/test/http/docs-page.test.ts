import { refusals } from '@quorate/shared/errors'
import { routes } from '@quorate/shared/wire/routes/table'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { chromiumIsThere, openChromium } from '../../../shared/test/chromium.js'
import { startTestHttp, type TestHttp } from './fixture.ts'

let http: TestHttp
beforeAll(async () => {
  http = await startTestHttp()
})
afterAll(() => http.close())

describe('the page of the API', () => {
  it('is where a browser comes to that knows the address alone', async () => {
    const { status, headers } = await fetch(http.url, { redirect: 'manual' })
    expect([status, headers.get('location')]).toEqual([302, 'docs'])
  })

  it('explains every refusal without a script, and loads nothing from elsewhere', async () => {
    const reply = await fetch(`${http.url}/docs`)
    const html = await reply.text()
    for (const code of Object.keys(refusals)) expect(html).toContain(`id="${code}"`)
    expect(html).not.toMatch(/https?:\/\/|style=|<style|<script>/)
    const policy = reply.headers.get('content-security-policy')
    expect(policy).toMatch(/^default-src 'none'; script-src 'self'; style-src 'self';/)
    expect(policy).not.toContain('unsafe')
  })
})

describe.skipIf(!chromiumIsThere('the page of the API'))('the page of the API in Chromium', () => {
  let browser: Browser
  let tab: Page
  const complaints: string[] = []
  const asked: URL[] = []
  beforeAll(async () => {
    browser = await openChromium()
    tab = await browser.newPage()
    tab.on('console', (line) => complaints.push(line.text()))
    tab.on('pageerror', (error) => complaints.push(error.message))
    tab.on('request', (request) => asked.push(new URL(request.url())))
    await tab.goto(http.url)
    await tab.locator('.opblock').first().waitFor()
  })
  afterAll(() => browser.close())

  it('shows every route, under its resource', async () => {
    expect(await tab.locator('.opblock').count()).toBe(Object.keys(routes).length)
    expect(await tab.locator('.opblock-tag').first().textContent()).toContain('sessions')
  })

  it('shows the schema of a body, and sends a request to the gateway that served it', async () => {
    const enclaves = tab.locator('#operations-enclaves-listEnclaves')
    await enclaves.locator('.opblock-summary').click()
    await enclaves.getByText('Schema', { exact: true }).first().click()
    await enclaves.getByText('enclaveId').first().waitFor()
    await enclaves.getByText('Try it out').click()
    await enclaves.getByText('Execute').click()
    const answer = enclaves.locator('.live-responses-table .response')
    await answer.waitFor()
    expect(await answer.locator('.response-col_status').textContent()).toContain('200')
    expect(await answer.locator('.response-col_description').textContent()).toContain(http.enclaves.ids()[0])
  })

  it('finds a refusal that the address names', async () => {
    await tab.goto('about:blank')
    await tab.goto(`${http.url}/docs#request.invalid`)
    await tab.locator('.opblock').first().waitFor()
    await tab.waitForFunction('document.getElementById("request.invalid").getBoundingClientRect().top < 100')
    expect(await tab.evaluate('document.querySelector("tr:target").id')).toBe('request.invalid')
  })

  it('asks nobody else, and nothing on it is refused by its policy', () => {
    expect(asked.filter(({ origin, protocol }) => origin !== http.url && protocol !== 'data:')).toEqual([])
    expect(complaints.filter((line) => !line.includes('favicon'))).toEqual([])
  })
})
