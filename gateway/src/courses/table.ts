import { keygenCourse } from './keygen.ts'
import { refreshCourse } from './refresh.ts'
import { signingCourse } from './signing.ts'

/** Every ceremony's course. A ceremony that joins has a row here. */
export const courses = { keygen: keygenCourse, refresh: refreshCourse, signing: signingCourse } as const
export type CourseName = keyof typeof courses
