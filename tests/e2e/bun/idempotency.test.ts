// Calls that are repeated under one key have their effect once.

import { expect, test } from "bun:test";
import { ClientBaseService } from "./generated/crm/clients/clients_pb";
import { bearerOf, client, newOrganisation } from "./mesh";
import { reasonOf } from "./refusals";

const somebody = async () => client(ClientBaseService, await bearerOf(newOrganisation()));
const newKey = () => ({ headers: { "idempotency-key": crypto.randomUUID() } });

test("a repeated call answers what the first one made", async () => {
  const [clients, key] = [await somebody(), newKey()];
  const first = await clients.create({ nom: "Legrand" }, key);
  const again = await clients.create({ nom: "Legrand" }, key);
  expect(again).toEqual(first);
  expect((await clients.list({})).clients.length).toBe(1);
});

test("another content under the same key is refused", async () => {
  const [clients, key] = [await somebody(), newKey()];
  await clients.create({ nom: "Legrand" }, key);
  const other = clients.create({ nom: "Lepetit" }, key);
  expect(await reasonOf(other)).toBe("AlreadyExists CLE_IDEMPOTENCE_REUTILISEE");
  expect((await clients.list({})).clients.map(({ nom }) => nom)).toEqual(["Legrand"]);
});

test("of twenty parallel calls under one key one works, and all have its answer", async () => {
  const [clients, key] = [await somebody(), newKey()];
  const calls = Array.from({ length: 20 }, () => clients.create({ nom: "Legrand" }, key));
  const ids = (await Promise.all(calls)).map(({ id }) => id);
  expect(new Set(ids).size).toBe(1);
  expect((await clients.list({})).clients.map(({ id }) => id)).toEqual(ids.slice(0, 1));
});
