import { API } from './http/mount.ts'
import { openApi } from './http/openapi.ts'

process.stdout.write(`${JSON.stringify(openApi(API), null, 2)}\n`)
