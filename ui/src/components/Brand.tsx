/** The mark: pebbles grown into a mountain. */
export function Brand() {
  return (
    <>
      <svg viewBox="0 0 20 20" width="20" height="20" fill="var(--accent)" aria-hidden>
        <circle cx="10" cy="5.400" r="2.700" />
        <circle cx="6.900" cy="10.500" r="2.900" />
        <circle cx="13" cy="10.200" r="2.700" />
        <circle cx="3.700" cy="15.600" r="2" />
        <circle cx="9.600" cy="15.700" r="2.500" />
        <circle cx="15.700" cy="15.300" r="2.500" />
      </svg>
      <span>Rigi</span>
    </>
  );
}
