import { row, type Row } from './refusal-row.ts'

/** Making and using sub-groups of a key. */
export const subgroupRefusals = {
  'keygen.subgroup_invalid': row(
    'caller',
    400,
    'never',
    'A sub-group has two participants of the key at least, each once, a name and members that no other has, and a scheme that has sub-groups',
  ),
  'subgroup.unknown': row('caller', 404, 'never', 'The key has no sub-group of this name'),
  'subgroup.not_member': row('caller', 403, 'never', 'This participant is no member of the sub-group that signs'),
} as const satisfies Record<string, Row>
