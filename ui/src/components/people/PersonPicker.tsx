/** Somebody who has an account, found by typing. */
import { Select } from "@mantine/core";
import "@mantine/core/styles/Combobox.css";
import "@mantine/core/styles/Input.css";
import "@mantine/core/styles/Popover.css";
import "@mantine/core/styles/ScrollArea.css";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useDeferredValue, useState } from "react";

import { peopleQuery, personQuery } from "../../api/people";
import type { PersonView } from "../../api/types";

interface PersonPickerProps {
  label: string;
  placeholder?: string;
  value: string | null;
  onChange: (id: string | null) => void;
}

function shown({ id, name, mail }: Pick<PersonView, "id" | "name" | "mail">) {
  return { value: id, label: mail ? `${name}, ${mail}` : name };
}

export function PersonPicker({ label, placeholder, value, onChange }: PersonPickerProps) {
  const [text, setText] = useState("");
  const { data: chosen } = useQuery({ ...personQuery(value ?? ""), enabled: value !== null });
  const typed = useDeferredValue(chosen && text === shown(chosen).label ? "" : text.trim());
  const { data } = useInfiniteQuery(peopleQuery(typed, 20));
  const found = (data?.pages[0]?.items ?? []).map(shown);
  if (chosen && found.every((one) => one.value !== chosen.id)) found.unshift(shown(chosen));
  return (
    <Select
      aria-label={label}
      placeholder={placeholder ?? "Name or mail address"}
      data={found}
      // The server has searched.
      filter={({ options }) => options}
      value={value}
      onChange={onChange}
      searchValue={text}
      onSearchChange={setText}
      searchable
      clearable
      nothingFoundMessage="Nobody is called so"
      w={220}
    />
  );
}
