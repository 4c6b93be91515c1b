// What a program reads in the trailers of a refusal, beside the sentence for people.

import { Code } from "@connectrpc/connect";
import { expect, test } from "bun:test";
import { ClientBaseService } from "./generated/crm/clients/clients_pb";
import { bearerOf, client, newOrganisation } from "./mesh";
import { fields, info, refusal } from "./refusals";

const somebody = async () => client(ClientBaseService, await bearerOf(newOrganisation()));

test("a refusal has a status, a sentence, a reason with its metadata, and the field", async () => {
  const error = await refusal((await somebody()).create({ prenom: "Zoé" }));
  expect(error.code).toBe(Code.InvalidArgument);
  expect(error.rawMessage).toBe("Un champ obligatoire est vide (champ : nom).");
  expect(info(error)).toMatchObject({ reason: "CHAMP_REQUIS", domain: "crm.clients", metadata: { champ: "nom" } });
  expect(fields(error)).toEqual(["nom"]);
});

test("the sentence keeps its accents", async () => {
  const error = await refusal(client(ClientBaseService).list({}));
  expect(error.rawMessage).toBe("Un jeton est requis : métadonnée « authorization », valeur « Bearer <jeton> ».");
});

test("the correlation id of the call comes back with its refusal and with its answer", async () => {
  const clients = await somebody();
  const headers = { "x-correlation-id": "front-4711" };
  const error = await refusal(clients.get({ id: crypto.randomUUID() }, { headers }));
  expect([error.code, error.metadata.get("x-correlation-id")]).toEqual([Code.NotFound, "front-4711"]);
  let trailer: Headers | undefined;
  await clients.list({}, { headers, onTrailer: (received) => (trailer = received) });
  expect(trailer?.get("x-correlation-id")).toBe("front-4711");
});
