// Who is let in: the token of each call.

import { expect, test } from "bun:test";
import { ClientBaseService } from "./generated/crm/clients/clients_pb";
import { bearerOf, bearerWith, client, newOrganisation, token } from "./mesh";
import { reasonOf } from "./refusals";

const MINUTES_AGO = Math.floor(Date.now() / 1000) - 300;

test("a call without a token is refused", async () => {
  expect(await reasonOf(client(ClientBaseService).list({}))).toBe("Unauthenticated JETON_MANQUANT");
});

test("the token of somebody who has signed in opens a service", async () => {
  const answer = await client(ClientBaseService, `Bearer ${await token()}`).list({});
  expect(answer.pagination).toBeDefined();
});

test("the scheme may be written in lower case", async () => {
  const bearer = await bearerOf(newOrganisation());
  const answer = await client(ClientBaseService, bearer.replace("Bearer", "bearer")).list({});
  expect(answer.clients).toEqual([]);
});

test("an expired token is refused, one that is as old but goes on is not", async () => {
  const calledWith = async (claims: object) => client(ClientBaseService, await bearerWith(claims)).list({});
  expect(await reasonOf(calledWith({ exp: MINUTES_AGO }))).toBe("Unauthenticated JETON_EXPIRE");
  expect((await calledWith({ iat: MINUTES_AGO })).pagination).toBeDefined();
});

test("a token that somebody else has signed is refused", async () => {
  const foreign = client(ClientBaseService, await bearerWith({}, "the secret of another mesh, of 42 bytes..."));
  expect(await reasonOf(foreign.list({}))).toBe("Unauthenticated JETON_INVALIDE");
});

test("an organisation that is not that of the token is refused", async () => {
  const ours = client(ClientBaseService, await bearerOf(newOrganisation()));
  const asked = ours.list({ organisationId: newOrganisation() });
  expect(await reasonOf(asked)).toBe("PermissionDenied ORGANISATION_DIFFERENTE");
});

test("clients of another organisation do not exist", async () => {
  const theirs = client(ClientBaseService, await bearerOf(newOrganisation()));
  const ours = client(ClientBaseService, await bearerOf(newOrganisation()));
  const { id } = await theirs.create({ nom: "Legrand" });
  expect(await reasonOf(ours.get({ id }))).toBe("NotFound INTROUVABLE");
  expect((await theirs.get({ id })).nom).toBe("Legrand");
});
