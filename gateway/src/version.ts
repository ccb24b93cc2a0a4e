import { existsSync, readFileSync } from 'node:fs'

/** The package's version: its description lies one folder above the sources, and two above what is compiled. */
export function version(): string {
  const places = ['../package.json', '../../package.json'].map((path) => new URL(path, import.meta.url))
  const place = places.find((url) => existsSync(url))
  if (place === undefined) return 'unknown'
  return (JSON.parse(readFileSync(place, 'utf8')) as { version: string }).version
}
