// What happens to a user while he looks: a stream from the notifications service.

import { Code } from "@connectrpc/connect";
import { expect, test } from "bun:test";
import { type NotificationEvent, NotificationService } from "./generated/crm/notifications/notifications_pb";
import { bearerOf, client, newOrganisation } from "./mesh";
import { reasonOf, refusal } from "./refusals";

const somebody = async () => client(NotificationService, await bearerOf(newOrganisation()));
const told = (titre: string) => ({ destinataireType: "ORGANISATION", type: "INFO", titre, message: "Complet." });

/** The next event of `events` that is no heartbeat. */
async function next(events: AsyncIterator<NotificationEvent>): Promise<NotificationEvent> {
  const { value } = await events.next();
  return value.type === "heartbeat" ? next(events) : value;
}

test("a stream begins at once, and brings what happens while it is open", async () => {
  const [notifications, leaving] = [await somebody(), new AbortController()];
  const events = notifications.stream({}, { signal: leaving.signal })[Symbol.asyncIterator]();
  expect(await next(events)).toMatchObject({ type: "pret", unread: 0n });
  const { id } = await notifications.create(told("Premier"));
  expect(await next(events)).toMatchObject({ type: "notification.new", notification: { id, titre: "Premier" } });
  await notifications.markAsRead({ id });
  expect(await next(events)).toMatchObject({ type: "notification.read", id });
  leaving.abort();
  expect(Code[(await refusal(events.next())).code]).toBe("Canceled");
});

test("after a break a stream goes on with what was missed", async () => {
  const notifications = await somebody();
  const { id: depuisId } = await notifications.create(told("Vu"));
  await notifications.create(told("Manqué"));
  const seen: string[] = [];
  for await (const { type, notification } of notifications.stream({ depuisId })) {
    seen.push(`${type} ${notification?.titre ?? ""}`.trim());
    if (seen.length === 2) break;
  }
  expect(seen).toEqual(["pret", "notification.new Manqué"]);
});

test("a stream needs a token as every call does", async () => {
  const events = client(NotificationService).stream({})[Symbol.asyncIterator]();
  expect(await reasonOf(events.next())).toBe("Unauthenticated JETON_MANQUANT");
});
