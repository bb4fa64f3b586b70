import { Modal } from "@mantine/core";
import "@mantine/core/styles/CloseButton.css";
import "@mantine/core/styles/ModalBase.css";
import "@mantine/core/styles/Modal.css";
import "@mantine/core/styles/Overlay.css";
import "@mantine/core/styles/Paper.css";

import { commandKey, keyGroups } from "../lib/keys";
import classes from "./KeyHelp.module.css";

/** The keys of what is on the page. */
export default function KeyHelp({ onClose }: { onClose: () => void }) {
  return (
    <Modal opened onClose={onClose} title="Keys" size={520} closeButtonProps={{ "aria-label": "Close" }}>
      <div className={classes.groups}>
        {keyGroups().map((group) => (
          <section key={group.title}>
            <h3>{group.title}</h3>
            <dl>
              {group.title === "Everywhere" && <Row keys={[`${commandKey}K`]} label="Search and commands" />}
              {group.bindings.map((binding) => (
                <Row key={binding.keys} keys={binding.keys.split(" ")} label={binding.label} />
              ))}
            </dl>
          </section>
        ))}
      </div>
    </Modal>
  );
}

function Row({ keys, label }: { keys: string[]; label: string }) {
  return (
    <div className={classes.row}>
      <dt>{label}</dt>
      <dd>
        {keys.map((key, index) => (
          <kbd key={index}>{key}</kbd>
        ))}
      </dd>
    </div>
  );
}
