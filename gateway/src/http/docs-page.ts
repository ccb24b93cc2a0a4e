import { refusals } from '@quorate/shared/errors'

/** What the page may do: load and ask this gateway alone. Its renderer draws arrows from `data:`. */
export const docsPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  'img-src data:',
  "connect-src 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "form-action 'none'",
].join('; ')

/**
 * One page: the description with its schemas and examples, to be tried, and every refusal under its code as anchor. Refusals stand in the
 * page itself, so that they are found without a script.
 */
export const docsPage = (): string => `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Quorate API</title>
<link rel="stylesheet" href="docs/swagger-ui.css"><link rel="stylesheet" href="docs/page.css">
<header><h1>Quorate API</h1>
<p>JSON over HTTP, described by <a href="openapi.json">openapi.json</a>. What is secret is sealed before it is sent: <code>@quorate/client</code> and the
<code>quorate</code> command do that, and verify every answer. <a href="#refusals">Refusals</a> are <code>application/problem+json</code> (RFC 9457).</p>
<noscript><p>To show the routes, this page needs its script.</p></noscript></header>
<div id="api"></div>
<section><h2 id="refusals">Refusals</h2>
<table class="refusals"><tr><th>Code<th>Status<th>Meaning<th>Try again</tr>
${Object.entries(refusals)
  .map(([code, { status, title, retry }]) =>
    row(code, [`<code>${code}</code>`, status, escape(title), retry.replace('_', ' ')]),
  )
  .join('\n')}
</table></section>
<script src="docs/swagger-ui-bundle.js"></script><script type="module" src="docs/page.js"></script></html>
`

const row = (id: string, cells: readonly (string | number)[]): string =>
  `<tr id="${id}">${cells.map((cell) => `<td>${cell}`).join('')}</tr>`

const escape = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
