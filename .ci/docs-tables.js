// Writes the tables of docs/api.md anew from the code: node --conditions=source .ci/docs-tables.js
import { readFileSync, writeFileSync } from 'node:fs'
import { refusals } from '@quorate/shared/errors'
import { routes } from '@quorate/shared/wire/routes/table'

const path = 'docs/api.md'
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

const fill = (page, name, text) =>
  page.replace(
    new RegExp(`(<!-- ${name}:begin -->\n)[^]*(<!-- ${name}:end -->)`),
    (_, begin, end) => begin + text + end,
  )
writeFileSync(path, fill(fill(readFileSync(path, 'utf8'), 'errors', errorTable), 'routes', routeTable))
