// The other client of the front end, grpc-js: it is answered and refused as connect-node is.

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { DescMethodUnary, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import { Client, credentials, Metadata, type ServiceError, status } from "@grpc/grpc-js";
import { afterAll, expect, test } from "bun:test";
import { ClientBaseService } from "./generated/crm/clients/clients_pb";
import { address, bearerOf, client, newOrganisation } from "./mesh";
import { info, refusal } from "./refusals";

const grpc = new Client(address("clients"), credentials.createInsecure());
afterAll(() => grpc.close());

const { create: CREATE, list: LIST } = ClientBaseService.method;

/** The answer of `method` to `request`. Rejects with a ServiceError. */
function call<M extends DescMethodUnary>(
  method: M,
  request: MessageInitShape<M["input"]>,
  headers: Record<string, string>,
): Promise<MessageShape<M["output"]>> {
  const sent = new Metadata();
  for (const [name, value] of Object.entries(headers)) sent.set(name, value);
  return new Promise((resolve, reject) => {
    grpc.makeUnaryRequest(
      `/${method.parent.typeName}/${method.name}`,
      (message: MessageShape<M["input"]>) => Buffer.from(toBinary(method.input, message)),
      (bytes: Buffer) => fromBinary(method.output, bytes),
      create(method.input, request) as MessageShape<M["input"]>,
      sent,
      (error, answer) => (error ? reject(error) : resolve(answer as MessageShape<M["output"]>)),
    );
  });
}

test("what grpc-js creates connect-node lists", async () => {
  const authorization = await bearerOf(newOrganisation());
  const made = await call(CREATE, { nom: "Lefèvre", prenom: "Zoé" }, { authorization });
  const listed = await client(ClientBaseService, authorization).list({});
  expect(listed).toEqual(await call(LIST, {}, { authorization }));
  expect(listed.clients).toEqual([{ ...made, adresses: [] }]);
});

test("a refusal has the same status, sentence and details", async () => {
  const authorization = await bearerOf(newOrganisation());
  const theirs: ServiceError = await call(CREATE, { prenom: "Zoé" }, { authorization }).catch((error) => error);
  const ours = await refusal(client(ClientBaseService, authorization).create({ prenom: "Zoé" }));
  expect([theirs.code, theirs.details]).toEqual([status.INVALID_ARGUMENT, ours.rawMessage]);
  const [details] = theirs.metadata.get("grpc-status-details-bin");
  expect(info(ours).reason).toBe("CHAMP_REQUIS");
  expect(Buffer.from(details!).toString("base64url")).toBe(ours.metadata.get("grpc-status-details-bin")!);
});
