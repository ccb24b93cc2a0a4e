import * as z from 'zod'

/** What `nitro-cli describe-eif` shows beside the measurements. It is not measured, so nothing may depend on it. */
export const Metadata = z.looseObject({
  ImageName: z.string(),
  ImageVersion: z.string(),
  BuildMetadata: z.looseObject({
    BuildTime: z.string(),
    BuildTool: z.string(),
    BuildToolVersion: z.string(),
    OperatingSystem: z.string(),
    KernelVersion: z.string(),
  }),
  DockerInfo: z.unknown(),
  CustomMetadata: z.unknown(),
})
export type Metadata = Readonly<z.infer<typeof Metadata>>

/** The contents of an enclave image. The first ramdisk boots (PCR1), the others are the application (PCR2). */
export type Image = Readonly<{
  architecture: 'x86_64' | 'aarch64'
  defaultMemory: number
  defaultCpus: number
  kernel: Uint8Array
  cmdline: string
  metadata: Metadata
  ramdisks: readonly Uint8Array[]
  /** The signature section's CBOR as it stands. */
  signature?: Uint8Array
}>
