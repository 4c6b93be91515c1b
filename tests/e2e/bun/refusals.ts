// What a refusal tells: the reason and metadata that stand in the trailers beside the sentence.

import { Code, ConnectError } from "@connectrpc/connect";
import { BadRequestSchema, type ErrorInfo, ErrorInfoSchema } from "./generated/google/rpc/error_details_pb";

/** The error with which `call` is refused. Throws when it is not. */
export async function refusal(call: Promise<unknown>): Promise<ConnectError> {
  const outcome = await call.then(
    (answer) => new Error(`answered ${JSON.stringify(answer)}`),
    (error: unknown) => error,
  );
  if (outcome instanceof ConnectError) return outcome;
  throw outcome;
}

/** Status and reason of the refusal of `call`, as in Unauthenticated JETON_MANQUANT. */
export async function reasonOf(call: Promise<unknown>): Promise<string> {
  const error = await refusal(call);
  return `${Code[error.code]} ${info(error).reason}`;
}

/** The machine's part of `error`. */
export function info(error: ConnectError): ErrorInfo {
  const [found] = error.findDetails(ErrorInfoSchema);
  if (found === undefined) throw new Error(`no details: ${error.message}`);
  return found;
}

/** The fields that `error` complains about. */
export function fields(error: ConnectError): string[] {
  return error.findDetails(BadRequestSchema).flatMap((detail) => detail.fieldViolations.map(({ field }) => field));
}
