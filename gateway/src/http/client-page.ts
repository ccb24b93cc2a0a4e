import { hash } from 'node:crypto'
import { renderSVG } from 'uqr'
import type { Shown } from '../nostr/offered.ts'

const style = `
body { font: 16px/1.5 system-ui, sans-serif; max-width: 40rem; margin: 2rem auto; padding: 0 1rem; color: #1c2430; background: #fff }
code { font: .9em ui-monospace, monospace; overflow-wrap: anywhere } dt { font-weight: 600; margin-top: .6rem } dd { margin: 0 }
svg { width: 12rem; height: 12rem }
@media (prefers-color-scheme: dark) { body { color: #d9e0e8; background: #12161c } }
`

/** What such a page may do: nothing but look as it does. */
export const pagePolicy = `default-src 'none'; style-src 'sha256-${hash('sha256', style, 'base64')}'; frame-ancestors 'none'; form-action 'none'; base-uri 'none'`

const page = (title: string, body: string): string => `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><meta name="robots" content="noindex"><title>${title}</title>
<style>${style}</style>
<h1>${title}</h1>
${body}</html>
`

const time = (ms: number): string => {
  const iso = new Date(ms).toISOString()
  return `<time datetime="${iso}">${iso.slice(0, 16).replace('T', ' ')} UTC</time>`
}

/** What an owner types: the name of the request is digits and letters alone. */
export const commandFor = (eventId: string): string => `quorate bunker approve ${eventId}`

/**
 * The page to which a program sends its user (`auth_url`), without a script. It cannot show what is asked for, since the gateway cannot read it:
 * the owner's own program does.
 */
export function clientPage(eventId: string, { client, askedAt, expiresAt, isConnect }: Shown): string {
  const command = commandFor(eventId)
  return page(
    isConnect ? 'A program wants to connect' : 'A program asks for your yes',
    `<p>Run this where your share's key is, or scan it. It shows you what is asked for before you say yes.</p>
<p><code>${command}</code></p>
${renderSVG(command, { border: 2 })}
<dl><dt>Program<dd><code>${client}</code><dt>Asked<dd>${time(askedAt)}<dt>Until<dd>${time(expiresAt)}
<dt>Request<dd><code>${eventId}</code></dl>
<p>You did not ask a program for anything just now? Then do nothing.</p>
`,
  )
}

/**
 * The page to which a program sends its user with a `nostrconnect://` string (NIP-46's `nostrconnect_url`). The string stands after the #, so that
 * no server sees it: its secret is how the program knows its signer.
 */
export const connectPage = (keyId: string): string =>
  page(
    'A program wants to connect',
    `<p>The address of this page ends in what the program shows: all after the #, from nostrconnect:// on. Run this where your share's key is, with that in the
place of the dots. It shows you what the program asks for.</p>
<p><code>quorate bunker connect ${keyId.slice(0, 8)} '…'</code></p>
<p>You did not ask a program for anything just now? Then do nothing.</p>
`,
  )

export const noClientPage: string = page(
  'Nothing waits here',
  '<p>This request was answered, is over, or never was.</p>\n',
)
