/** On a phone: the places that the bar has no room for. Where there are accounts, their menu has them. */
import { useMediaQuery } from "@mantine/hooks";
import { lazy, Suspense, type ComponentPropsWithRef } from "react";

import { Icon } from "./Icon";
import classes from "./Shell.module.css";

const MoreMenu = lazy(() => import("./MoreMenu"));

function Face() {
  return (
    <>
      <Icon name="more" />
      <span>More</span>
    </>
  );
}

export function MorePlace() {
  const phone = useMediaQuery("(max-width: 48em)", false, { getInitialValueInEffect: false });
  if (!phone) return null;
  return (
    <li>
      <Suspense
        fallback={
          <span className={classes.place}>
            <Face />
          </span>
        }
      >
        <MoreMenu />
      </Suspense>
    </li>
  );
}

export function MoreButton(props: ComponentPropsWithRef<"button">) {
  return (
    <button type="button" {...props} className={classes.place}>
      <Face />
    </button>
  );
}
