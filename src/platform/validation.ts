// From a zod schema to a caller's mistake list: every problem at once, each with the place it is at and what to write
// there. Schemas are strict, so a field with a typo is refused instead of ignored (api.md, base).

import { z } from 'zod';
import { AppError, type FieldError } from './errors.ts';

/** The body, checked and normalised. @throws AppError `invalid_request` with a JSON Pointer per problem */
export function validateBody<S extends z.ZodType>(schema: S, body: unknown): z.output<S> {
  const result = schema.safeParse(body === undefined ? {} : body);
  if (result.success) return result.data;
  throw invalid(
    fieldErrors(result.error, body, (path) => ({
      pointer: path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join(''),
    })),
  );
}

/** The query, checked and normalised. @throws AppError `invalid_request` with the parameter's name per problem */
export function validateQuery<S extends z.ZodType>(schema: S, query: Record<string, unknown>): z.output<S> {
  const result = schema.safeParse(query);
  if (result.success) return result.data;
  throw invalid(fieldErrors(result.error, query, (path) => ({ parameter: String(path[0] ?? '') })));
}

/** For routes that take no query: a parameter that means nothing is a misunderstanding (api.md, queries). */
export function refuseQuery(query: Record<string, unknown>): void {
  validateQuery(noQuery, query);
}

const noQuery = z.strictObject({});

/** A refusal of a value that only the application could tell is wrong. */
export function invalid(errors: FieldError[]): AppError {
  return new AppError(
    'invalid_request',
    errors.length === 1 ? errors[0]!.detail : `${errors.length} things are wrong; see errors.`,
    { errors },
  );
}

type Place = Pick<FieldError, 'pointer' | 'parameter'>;

function fieldErrors(error: z.ZodError, input: unknown, place: (path: PropertyKey[]) => Place): FieldError[] {
  return error.issues.flatMap((issue): FieldError[] => {
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => ({
        ...place([...issue.path, key]),
        code: 'unknown_field',
        detail: `There is no field or parameter of this name here. Check the spelling.`,
      }));
    }
    // What is wrong with the name of a pair, rather than with its value, is told one level deeper.
    const reasons = issue.code === 'invalid_key' ? issue.issues : [issue];
    return reasons.map((reason) => ({
      ...place(issue.path),
      code: codeOf(reason, valueAt(input, issue.path)),
      detail: reason.message,
    }));
  });
}

function codeOf(issue: z.core.$ZodIssue, value: unknown): FieldError['code'] {
  if (value === undefined) return 'required';
  if (issue.code === 'invalid_type') return 'wrong_type';
  if (issue.code === 'too_big' || issue.code === 'too_small') return 'out_of_range';
  if (issue.code === 'custom' && issue.params?.code === 'out_of_range') return 'out_of_range';
  return 'wrong_format';
}

/** A parameter given once, where a list was made of it, is its only item. */
function valueAt(input: unknown, path: PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, part) =>
      typeof value === 'object' && value !== null ? (value as Record<PropertyKey, unknown>)[part] : value,
    input,
  );
}
