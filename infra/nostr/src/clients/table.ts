import { applesauce } from './applesauce.ts'
import type { Driver } from './client.ts'
import { ndk } from './ndk.ts'
import { nostrSdk } from './nostr-sdk.ts'
import { nostrTools } from './nostr-tools.ts'

/** The libraries that the suite runs with. */
export const drivers: readonly Driver[] = [nostrTools, ndk, applesauce, nostrSdk]
