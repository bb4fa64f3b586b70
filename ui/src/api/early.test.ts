import { QueryClient, QueryObserver } from "@tanstack/react-query";
import { expect, test, vi } from "vitest";

import { Early } from "./early";
import { keys } from "./keys";

const patient = () => new QueryClient({ defaultOptions: { queries: { staleTime: Infinity, retry: false } } });

test("an answer that comes after a change is asked for once more, and once only", async () => {
  const cache = patient();
  const early = new Early(cache);
  const read = vi.fn(() => Promise.resolve({ state: "succeeded" }));
  early.note("run1");
  // The answer to the submission, older than what the stream has told.
  cache.setQueryData(keys.run("run1"), { state: "queued" });
  const observer = new QueryObserver(cache, { queryKey: keys.run("run1"), queryFn: read });
  const stop = observer.subscribe(() => undefined);
  await vi.waitFor(() => expect(observer.getCurrentResult().data).toEqual({ state: "succeeded" }));
  expect(read).toHaveBeenCalledTimes(1);
  stop();
});

test("a run that changes while it is first read is read again", async () => {
  const cache = patient();
  const early = new Early(cache);
  const answers = [{ state: "queued" }, { state: "succeeded" }];
  const read = vi.fn(() => {
    const answer = answers[read.mock.calls.length - 1];
    if (answer?.state === "queued") early.note("run1");
    return Promise.resolve(answer);
  });
  const observer = new QueryObserver(cache, { queryKey: keys.run("run1"), queryFn: read });
  const stop = observer.subscribe(() => undefined);
  await vi.waitFor(() => expect(observer.getCurrentResult().data).toEqual({ state: "succeeded" }));
  expect(read).toHaveBeenCalledTimes(2);
  stop();
});

test("a run that changes while it is read anew is read once more, however often it changes", async () => {
  const cache = patient();
  const early = new Early(cache);
  cache.setQueryData(keys.run("run1"), { state: "queued", place: 2 });
  early.noteRead("run1");
  const answers = [
    { state: "queued", place: 2 },
    { state: "queued", place: 1 },
  ];
  const read = vi.fn(() => {
    const answer = answers[read.mock.calls.length - 1];
    return Promise.resolve().then(() => {
      if (answer?.place === 2)
        for (let i = 0; i < 3; i++) {
          early.noteRead("run1");
          cache.setQueryData(keys.run("run1"), { state: "queued", place: 1 });
        }
      return answer;
    });
  });
  const observer = new QueryObserver(cache, { queryKey: keys.run("run1"), queryFn: read });
  const stop = observer.subscribe(() => undefined);
  expect(read).toHaveBeenCalledTimes(0);
  await observer.refetch();
  await vi.waitFor(() => expect(read).toHaveBeenCalledTimes(2));
  await vi.waitFor(() => expect(observer.getCurrentResult().data).toEqual({ state: "queued", place: 1 }));
  stop();
});

test("what nothing was told of is left alone", () => {
  const cache = patient();
  const early = new Early(cache);
  early.note("run2");
  cache.setQueryData(keys.run("run1"), { state: "queued" });
  cache.setQueryData([...keys.run("run2"), "attempts"], []);
  expect(cache.getQueryState(keys.run("run1"))?.isInvalidated).toBe(false);
  expect(cache.getQueryState([...keys.run("run2"), "attempts"])?.isInvalidated).toBe(false);
  for (let i = 0; i < 1000; i++) early.note(`other${i}`);
  cache.setQueryData(keys.run("run2"), { state: "queued" });
  expect(cache.getQueryState(keys.run("run2"))?.isInvalidated).toBe(false);
});
