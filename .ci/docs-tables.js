// Writes the tables of docs/api.md and docs/protocol.md anew from the code: node --conditions=source .ci/docs-tables.js
import { readFileSync, writeFileSync } from 'node:fs'
import { contentOf, ContentType } from '@quorate/shared/contents/table'
import { refusals } from '@quorate/shared/errors'
import { routes } from '@quorate/shared/wire/routes/table'

const table = (head, rows) =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |\n`).join('')

const errors = Object.entries(refusals).map(([code, { status, blame, retry, title }]) => [
  ...[`\`${code}\``, status, blame, retry.replace('_', ' '), title],
])
const errorTable = table(['code', 'status', 'blame', 'try again', 'meaning'], errors)
const paths = Object.values(routes).map(({ method, path, summary, wants }) => [
  ...[`\`${method.toUpperCase()} ${path}\``, summary, wants === 'reader' ? 'yes' : ''],
])
const routeTable = table(['route', 'what it does', 'token'], paths)

const contents = ContentType.options.map((type) => {
  const { needs, tweaks, alone } = contentOf(type)
  return [`\`${type}\``, needs === 'any' ? 'any' : needs.join(', '), tweaks ? 'yes' : 'no', alone ? 'yes' : 'no']
})
const contentTable = table(['type', 'signature', 'Taproot output key', 'stands alone'], contents)

const fill = (path, name, text) => {
  const page = readFileSync(path, 'utf8').replace(
    new RegExp(`(<!-- ${name}:begin -->\n)[^]*(<!-- ${name}:end -->)`),
    (_, begin, end) => begin + text + end,
  )
  writeFileSync(path, page)
}
fill('docs/api.md', 'errors', errorTable)
fill('docs/api.md', 'routes', routeTable)
fill('docs/protocol.md', 'contents', contentTable)
