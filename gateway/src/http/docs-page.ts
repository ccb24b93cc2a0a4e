import { hash } from 'node:crypto'
import { refusals } from '@quorate/shared/errors'
import type { Route } from '@quorate/shared/wire/routes/route'
import { routes } from '@quorate/shared/wire/routes/table'
import { API } from './mount.ts'

const style = `
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1c2430; background: #fff }
table { border-collapse: collapse; width: 100% } td, th { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid #dde3ea; vertical-align: top }
code { font: .9em ui-monospace, monospace } tr:target { background: #fff4c2 } a { color: #1f5fbf }
@media (prefers-color-scheme: dark) { body { color: #d9e0e8; background: #12161c } td, th { border-color: #2c3440 } tr:target { background: #4a3f12 } a { color: #8ab8ff } }
@media (max-width: 48rem) { tr, td { display: block } th { display: none } tr { padding: .4rem 0 } td { border: 0; padding: .1rem 0; overflow-wrap: anywhere } }
`

/** One page without a script or anything from elsewhere: every route, and every refusal under its code as anchor. */
export function docsPage(): { html: string; styleHash: string } {
  const html = `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Quorate API</title>
<style>${style}</style>
<h1>Quorate API</h1>
<p>JSON over HTTP. The exact schemas are in <a href="/openapi.json">openapi.json</a>. A waiting GET takes <code>?wait=30s</code>;
every POST takes an <code>Idempotency-Key</code>. Refusals are <code>application/problem+json</code> (RFC 9457).</p>
<p>Where a token is asked for, <code>POST ${API}/sessions</code> gives one to whoever holds the key's session secret. What is secret is
sealed before it is sent: <code>@quorate/client</code> and the <code>quorate</code> command do that, and verify every answer.</p>
<h2>Routes</h2>
<table><tr><th>Route<th>What it does<th>Needs<th>Refusals of its own</tr>
${Object.values<Route>(routes).map(routeRow).join('\n')}
</table>
<h2>Refusals</h2>
<table><tr><th>Code<th>Status<th>Meaning<th>Try again</tr>
${Object.entries(refusals)
  .map(([code, { status, title, retry }]) =>
    row(code, [`<code>${code}</code>`, status, escape(title), retry.replace('_', ' ')]),
  )
  .join('\n')}
</table></html>
`
  return { html, styleHash: `sha256-${hash('sha256', style, 'base64')}` }
}

function routeRow({ method, path, summary, wants, errors }: Route): string {
  const own = errors.map((code) => `<a href="#${code}"><code>${code}</code></a>`).join('<br>')
  const call = `<code>${method.toUpperCase()} ${API}${escape(path)}</code>`
  return row(null, [call, escape(summary), wants === 'reader' ? 'a token' : '', own])
}

const row = (id: string | null, cells: readonly (string | number)[]): string =>
  `<tr${id === null ? '' : ` id="${id}"`}>${cells.map((cell) => `<td>${cell}`).join('')}</tr>`

const escape = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
