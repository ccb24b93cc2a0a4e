/** The errors of Google's APIs that the stub knows, by their canonical codes, and their HTTP status (AIP-193). */
const statuses = {
  INVALID_ARGUMENT: 400,
  FAILED_PRECONDITION: 400,
  UNAUTHENTICATED: 401,
  PERMISSION_DENIED: 403,
  NOT_FOUND: 404,
  INTERNAL: 500,
} as const

export class GoogleError extends Error {
  override readonly name = 'GoogleError'
  readonly status: keyof typeof statuses
  readonly code: number

  constructor(status: keyof typeof statuses, message: string) {
    super(message)
    this.status = status
    this.code = statuses[status]
  }

  /** As it stands on the wire. */
  body(): object {
    return { error: { code: this.code, message: this.message, status: this.status } }
  }
}
