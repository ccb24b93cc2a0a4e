// Bob takes part in a key from a page, and approves what is asked of it.
//
// His seed is drawn here and lives as long as the page: a real page keeps it, encrypted, or under a passkey.
import { Quorate, decodeInvitation, showContent } from '@quorate/client'

/** @param {string} id @returns {HTMLElement} */
const the = (id) => document.getElementById(id) ?? document.body
/** @param {string} text */
const say = (text) => (the('state').textContent = text)

const { gateway, trust } = await (await fetch('/settings.json')).json() // of this page's own server, never of the gateway
const bob = new Quorate({ gateway, trust }).participant('bob', { seed: crypto.getRandomValues(new Uint8Array(32)) })

the('join').addEventListener('submit', (event) => {
  event.preventDefault()
  const form = new FormData(/** @type {HTMLFormElement} */ (event.target))
  takePart(String(form.get('link'))).catch((error) => say(`${error.code ?? ''} ${error.message}`))
})

/** @param {string} link */
async function takePart(link) {
  say('asking the enclave to prove itself …')
  const keygen = await bob.participate(decodeInvitation(link.trim()))
  say('waiting for the others …')
  const key = await keygen.completed({ timeout: 600_000 })
  the('join').remove()
  say(`you hold a share of ${key.groupKey}`)
  for await (const request of bob.watchPending(key)) show(request)
}

/** @param {import('@quorate/client').Signing} request */
function show(request) {
  const article = document.createElement('article')
  const heading = document.createElement('h2')
  heading.textContent = `${request.asker} asks`
  const text = document.createElement('pre')
  const fields = request.items.flatMap(({ content }) => showContent(content))
  text.textContent = fields.map(({ label, text }) => `${label}: ${text}`).join('\n')
  article.append(heading, text)
  /** @param {string} label @param {() => Promise<void>} decide */
  const button = (label, decide) => {
    const one = document.createElement('button')
    one.textContent = label
    one.addEventListener('click', () => {
      article.remove()
      decide().then(
        () => say(`${label}: done`),
        (error) => say(`${error.code ?? ''} ${error.message}`),
      )
    })
    article.append(one, ' ')
  }
  button('Approve', () => bob.approve(request))
  button('Reject', () => bob.reject(request, 'not by me'))
  the('requests').append(article)
}
