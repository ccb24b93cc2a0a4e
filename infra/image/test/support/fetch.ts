// Fetches packages, for a test that ends it meanwhile. Usage: fetch PINS_JSON MIRROR
import { fetchPins } from '../../src/debian/packages.ts'
import { Pins } from '../../src/debian/pins.ts'
import { mirror } from '../../src/debian/sources.ts'

const [pins, place] = process.argv.slice(2)
await fetchPins(Pins.parse(JSON.parse(pins ?? '')), [mirror('a mirror', place ?? '')])
