/** Who is signed in, at the foot of the rail, with the way out. */
import { lazy, Suspense, type ComponentPropsWithRef } from "react";

import type { AccountView } from "../api/types";
import { Icon } from "./Icon";
import classes from "./Shell.module.css";

const AccountMenu = lazy(() => import("./AccountMenu"));

function Face({ name }: { name: string }) {
  return (
    <>
      <Icon name="person" />
      <span className="ellipsis">{name}</span>
    </>
  );
}

export function AccountPlace({ account }: { account: AccountView }) {
  return (
    <li>
      {/* Until the menu is there, what stands in its place is no button. */}
      <Suspense
        fallback={
          <span className={classes.place}>
            <Face name={account.name} />
          </span>
        }
      >
        <AccountMenu account={account} />
      </Suspense>
    </li>
  );
}

export function AccountButton({ name, ...props }: ComponentPropsWithRef<"button"> & { name: string }) {
  return (
    <button type="button" {...props} className={classes.place} title={name} aria-label={`Account of ${name}`}>
      <Face name={name} />
    </button>
  );
}
