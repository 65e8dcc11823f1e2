/** Small drawings; what they stand for is said by the name of the button around them. */
import type { ReactNode } from "react";

function Icon({ children }: { children: ReactNode }) {
  return (
    <svg
      className="glyph"
      width="18"
      height="18"
      viewBox="0 0 20 20"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.6"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
      focusable="false"
    >
      {children}
    </svg>
  );
}

/** A shortcut. */
export const BoltIcon = () => (
  <Icon>
    <path d="M11 3 5 11.5h4.5L9 17l6-8.5h-4.5z" />
  </Icon>
);
/** A private channel. */
export const LockIcon = () => (
  <Icon>
    <rect x="4.5" y="9" width="11" height="8" rx="1.5" />
    <path d="M7 9V6.5a3 3 0 0 1 6 0V9" />
  </Icon>
);
/** Looking for something. */
export const SearchIcon = () => (
  <Icon>
    <circle cx="9" cy="9" r="5" />
    <path d="m13 13 4 4" />
  </Icon>
);
/** Dark mode. */
export const MoonIcon = () => (
  <Icon>
    <path d="M16.5 12.2A7 7 0 0 1 7.8 3.5a7 7 0 1 0 8.7 8.7Z" />
  </Icon>
);
/** A thread. */
export const ThreadIcon = () => (
  <Icon>
    <path d="M3.5 4.5h13v9h-7l-3.5 3v-3H3.5z" />
  </Icon>
);
/** A reaction. */
export const SmileIcon = () => (
  <Icon>
    <circle cx="10" cy="10" r="7" />
    <path d="M7 12c1.5 2 4.5 2 6 0M7.5 8v.1M12.5 8v.1" />
  </Icon>
);
/** Changing something. */
export const PencilIcon = () => (
  <Icon>
    <path d="m4 16 .8-3.2L13.5 4 16 6.500l-8.7 8.700z" />
  </Icon>
);
/** Deleting something. */
export const BinIcon = () => (
  <Icon>
    <path d="M4 6h12M8 6V4h4v2M5.5 6l.8 10.500h7.400L14.5 6" />
  </Icon>
);
/** Attaching files. */
export const ClipIcon = () => (
  <Icon>
    <path d="m15.5 9.5-5.6 5.600a3.5 3.5 0 0 1-5-5l6-6a2.4 2.4 0 0 1 3.4 3.400l-5.8 5.800a1.1 1.1 0 0 1-1.6-1.600l5-5" />
  </Icon>
);
/** Sending. */
export const SendIcon = () => (
  <Icon>
    <path d="M3.5 16.5 17 10 3.5 3.500l1.7 6.500zM5.2 10H11" />
  </Icon>
);
/** Closing. */
export const CloseIcon = () => (
  <Icon>
    <path d="m5 5 10 10M15 5 5 15" />
  </Icon>
);
/** Back to the pane before. */
export const BackIcon = () => (
  <Icon>
    <path d="M11.5 4.5 6 10l5.5 5.5" />
  </Icon>
);
/** People. */
export const PeopleIcon = () => (
  <Icon>
    <circle cx="7.5" cy="7" r="2.8" />
    <path d="M2.5 16c.4-3 2.3-4.5 5-4.500s4.6 1.5 5 4.500M12.5 4.500a2.6 2.6 0 0 1 0 5M14.5 11.800c1.7.6 2.7 2 3 4.2" />
  </Icon>
);
/** Adding. */
export const PlusIcon = () => (
  <Icon>
    <path d="M10 4.500v11M4.5 10h11" />
  </Icon>
);
/** Down to the newest. */
export const DownIcon = () => (
  <Icon>
    <path d="M10 4v11.500M5 11l5 5 5-5" />
  </Icon>
);
