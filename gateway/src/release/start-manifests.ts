import { openManifestFile } from './manifest-file.ts'
import { createManifests, type ManifestPorts, type Manifests } from './manifests.ts'

/**
 * The manifests of a gateway with the file that they come from; null: there is none, and the enclaves keep to what they have
 * taken. Throws a plain Error when the file holds no manifest.
 */
export async function startManifests(
  path: string | null,
  ports: ManifestPorts,
): Promise<Manifests & Readonly<{ reload: () => Promise<void> }>> {
  const manifests = createManifests(ports)
  if (path === null) return { ...manifests, reload: () => Promise.resolve() }
  const file = await openManifestFile(path, {
    onManifest: manifests.announce,
    onFault: (fault) => ports.events.manifestFaulted(fault),
  })
  return {
    ...manifests,
    reload: file.reload,
    close: () => {
      file.close()
      manifests.close()
    },
  }
}
