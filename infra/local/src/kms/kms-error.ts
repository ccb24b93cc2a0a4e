/** The errors of KMS that the stand-in knows, by their names on the wire, and their HTTP status. */
const statuses = {
  AccessDeniedException: 400,
  InvalidCiphertextException: 400,
  IncorrectKeyException: 400,
  NotFoundException: 400,
  UnknownOperationException: 404,
  ValidationException: 400,
  KMSInternalException: 500,
} as const

export class KmsError extends Error {
  override readonly name = 'KmsError'
  readonly type: keyof typeof statuses
  readonly status: number

  constructor(type: keyof typeof statuses) {
    super(type)
    this.type = type
    this.status = statuses[type]
  }
}
