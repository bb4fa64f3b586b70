import { dismiss, useNotices } from "../lib/notices";
import { Icon } from "./Icon";
import classes from "./Notices.module.css";
import { Ticked } from "./Ticked";

/** What actions did, in one corner, read out by screen readers. */
export function Notices() {
  const notices = useNotices();
  return (
    <div className={classes.region} role="status" aria-live="polite">
      {notices.map((notice) => (
        <div key={notice.id} className={classes.notice} data-tone={notice.tone}>
          <div className="grow">
            <p>
              <Ticked text={notice.text} />
            </p>
            {notice.detail && (
              <p className="dim">
                <Ticked text={notice.detail} />
              </p>
            )}
          </div>
          <button type="button" className={classes.close} aria-label="Close" onClick={() => dismiss(notice.id)}>
            <Icon name="close" size={14} />
          </button>
        </div>
      ))}
    </div>
  );
}
