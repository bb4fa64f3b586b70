import { describe, expect, it } from "vitest";

import { comeBack, deviceOf, keyIn, whyOf } from "./people";

describe("words about people", () => {
  it("say why somebody has a role", () => {
    expect(whyOf({ source: "hand", by: "Ada" })).toBe("given by Ada");
    expect(whyOf({ source: "hand", by: "terminal" })).toBe("given by the server’s terminal");
    expect(whyOf({ source: "rule", by: "server", group: "Lab" })).toBe("in the group Lab, follows from groups at the provider");
    expect(whyOf({ source: "invitation", by: "Bob" })).toBe("by an invitation");
  });

  it("name a device as people know it", () => {
    const on = (system: string, browser: string) => `Mozilla/5.0 (${system}) AppleWebKit/537.36 (KHTML, like Gecko) ${browser}`;
    expect(deviceOf(on("X11; Linux x86_64", "Chrome/140.0.0.0 Safari/537.36"))).toBe("Chrome on Linux");
    expect(deviceOf(on("Windows NT 10.0; Win64", "Chrome/140.0 Safari/537.36 Edg/140.0"))).toBe("Edge on Windows");
    expect(deviceOf(on("iPhone; CPU iPhone OS 18_0 like Mac OS X", "Version/18.0 Mobile/15E148 Safari/604.1"))).toBe("Safari on iPhone");
    expect(deviceOf("Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:140.0) Gecko/20100101 Firefox/140.0")).toBe("Firefox on macOS");
    expect(deviceOf("curl/8.5.0")).toBe("curl");
    expect(deviceOf(null)).toBe("Unknown device");
    expect(deviceOf("something else")).toBe("something else");
  });

  it("take the key of a link and nothing else", () => {
    expect(keyIn("#rigi_l_dAq2k5VnnVLf")).toBe("rigi_l_dAq2k5VnnVLf");
    expect([keyIn(""), keyIn("#main"), keyIn("#rigi_l_<script>")]).toEqual([null, null, null]);
  });

  it("say when to come back", () => {
    expect([comeBack(0.2), comeBack(31), comeBack(61), comeBack(900)]).toEqual(["1 s", "31 s", "2 min", "15 min"]);
  });
});
