import { checkStore } from './check-store.ts'
import { inFreshFolders, openHandle } from './fresh-store.ts'

inFreshFolders()
checkStore(openHandle)
