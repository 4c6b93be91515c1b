// Many calls at once, over one connection.

import { expect, test } from "bun:test";
import { Events } from "./bus";
import { ClientBaseService } from "./generated/crm/clients/clients_pb";
import { ClientCreatedEventSchema } from "./generated/crm/events/business_pb";
import { bearerOf, client, newOrganisation } from "./mesh";

const CALLS = 500;

test(`${CALLS} parallel calls are answered, each with its own answer, and announced once`, async () => {
  const organisationId = newOrganisation();
  const clients = client(ClientBaseService, await bearerOf(organisationId));
  await using events = await Events.listening("crm.events.client.created", ClientCreatedEventSchema);
  const names = Array.from({ length: CALLS }, (_, number) => `Legrand ${number}`);
  const made = await Promise.all(names.map((nom) => clients.create({ nom })));
  expect(made.map(({ nom }) => nom)).toEqual(names);
  const announced = await events.first(CALLS, (event) => event.organisationId === organisationId);
  const ids = (values: string[]) => [...values].sort();
  expect(ids(announced.map(({ event }) => event.clientId))).toEqual(ids(made.map(({ id }) => id)));
});
