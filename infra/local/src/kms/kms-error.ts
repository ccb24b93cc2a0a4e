/** The errors of KMS that the stand-in knows, by their names on the wire, and their HTTP status. */
const statuses = {
  AccessDeniedException: 400,
  DisabledException: 400,
  ExpiredTokenException: 400,
  IncorrectKeyException: 400,
  InvalidCiphertextException: 400,
  KMSInternalException: 500,
  KMSInvalidStateException: 400,
  MissingAuthenticationTokenException: 400,
  NotFoundException: 400,
  ServiceUnavailableException: 503,
  ThrottlingException: 400,
  UnknownOperationException: 404,
  UnrecognizedClientException: 400,
  ValidationException: 400,
} as const

export type KmsErrorName = keyof typeof statuses

export class KmsError extends Error {
  override readonly name = 'KmsError'
  readonly type: KmsErrorName
  readonly status: number

  constructor(type: KmsErrorName) {
    super(type)
    this.type = type
    this.status = statuses[type]
  }
}
