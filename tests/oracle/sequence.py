# SPDX-License-Identifier: GPL-2.0-only
"""Loss, order and samples of one sensor, counted the slow and obvious way.

Each packet gets a position on an endless line; a position that was passed over is missing
until it comes. Nothing is ever forgotten, so there is no window to get wrong but the one that
the rules ask for (WINDOW: how late a packet may be before it means a restart).
"""
import math

WINDOW = 32
MAX_JUMP = 3000


def steps_between(field, new, old):
    """Steps from old to new, forward, leaving out skipped values; and all steps of a turn."""
    modulus = field.modulus or 1 << field.width
    step = field.step or 1
    if field.skip:
        def ordinal(value):
            return value - sum(1 for skipped in field.skip if skipped < value)
        return (ordinal(new) - ordinal(old)) % (modulus - len(field.skip)), modulus - len(field.skip)
    return (new - old) % modulus // step, modulus // step


class Epoch:
    """What is known since the window was opened last."""

    def __init__(self, sample):
        self.highest = self.oldest = 0
        self.received = {0}
        self.missing = {}               # position -> number of the sample it is missing in
        self.first_sample = sample
        self.last_ones = set()          # positions of packets with the marker
        self.sample_of = {}             # position -> sample, where an id says it


class Sensor:
    def __init__(self, protocol):
        self.protocol = protocol
        self.packets = 0
        self.lost = self.reordered = self.duplicate = self.restarts = 0
        self.samples = 0
        self.holes = {}                 # number of a sample -> positions missing in it
        self.epoch = None
        self.previous = None            # the highest packet so far
        self.numbers = {}               # sample id -> number of the sample
        self.beyond = set()             # late ones past what their sample was thought to have
        self.bases = {}                 # per-sample counters: id -> position of its first packet
        self.learned = None             # packets of a sample, as the last ones had them
        self.smaller = (0, 0)           # how many were seen in a row with which smaller size

    def incomplete(self):
        return sum(1 for missing in self.holes.values() if missing > 0)

    # One packet.

    def packet(self, payload):
        self.packets += 1
        look = Look(self.protocol, payload)
        if look.value is None and (self.protocol.sequence or self.protocol.gap):
            return
        if self.epoch is None:
            self.open(look)
            return
        if self.unforeseen(look):
            return
        step = self.step_to(look)
        if step is None:
            if look.resent:
                self.fill(look)
                return
            self.restarts += 1
            self.learned_from_previous()
            self.open(look)
        elif step > 0:
            self.advance(look, step)
        else:
            self.late(look, self.epoch.highest + step)

    def open(self, look):
        self.samples += 1
        self.epoch = Epoch(self.samples)
        self.remember(look, 0)

    def remember(self, look, position):
        look.position = position
        if look.marked:
            self.epoch.last_ones.add(position)
        self.previous = look
        self.epoch.highest = position
        self.numbers[look.id] = self.epoch.sample_of[position] = self.samples
        if self.protocol.per and look.id is not None:
            self.bases[look.id] = position - look.index
            while len(self.bases) > 8:
                self.bases.pop(next(iter(self.bases)))

    def late(self, look, position):
        epoch = self.epoch
        if position in epoch.received:
            if self.protocol.gap and position != epoch.highest:
                self.reordered += 1     # two time stamps that round to one position
            else:
                self.duplicate += 1
            return
        self.reordered += 1
        epoch.received.add(position)
        if position in epoch.missing:
            self.holes[epoch.missing.pop(position)] -= 1
            self.lost -= 1
        elif position < epoch.oldest:
            self.miss(range(position + 1, epoch.oldest), epoch.first_sample)
            epoch.oldest = position
        if look.marked and self.only_marker():
            self.split(position)

    def fill(self, look):
        """A packet that was asked for again, later than the window reaches."""
        if self.protocol.per and look.id in self.bases:
            self.late(look, self.bases[look.id] + look.index)
        else:
            self.reordered += 1
            self.lost -= min(self.lost, 1)

    def only_marker(self):
        protocol = self.protocol
        return protocol.marker and not (protocol.id or protocol.wrap or protocol.per)

    def split(self, last):
        """A last packet came late: what is ahead of it belongs to the next sample after all."""
        epoch = self.epoch
        epoch.last_ones.add(last)
        if last < epoch.highest:
            self.samples += 1
        for position in epoch.missing:
            self.holes[epoch.missing[position]] -= 1
            sample = epoch.first_sample + sum(1 for end in epoch.last_ones if end < position)
            epoch.missing[position] = sample
            self.holes[sample] = self.holes.get(sample, 0) + 1

        if self.protocol.id and not self.protocol.per and look.id in self.numbers:
            self.settle(look, position)

    def settle(self, look, position):
        """A late packet says by its id whose the holes beside it are."""
        epoch, sample = self.epoch, self.numbers[look.id]
        epoch.sample_of[position] = sample
        for way in (-1, 1):
            holes, at = [], position + way
            while at in epoch.missing:
                holes.append(at)
                at += way
            owner = sample if epoch.sample_of.get(at) == sample else None
            if way > 0 and look.marked:
                owner = epoch.sample_of.get(at)
            for hole in holes if owner else ():
                self.holes[epoch.missing[hole]] -= 1
                epoch.missing[hole] = owner
                self.holes[owner] = self.holes.get(owner, 0) + 1

    def unforeseen(self, look):
        """A late packet past the end that its sample was thought to have: no position is left."""
        if not self.protocol.per or look.id not in self.bases or look.id == self.previous.id:
            return False
        base = self.bases[look.id]
        after = min((other for other in self.bases.values() if other > base), default=None)
        if after is None or base + look.index < after:
            return False
        if (look.id, look.index) in self.beyond:
            self.duplicate += 1
        else:
            self.reordered += 1
            self.beyond.add((look.id, look.index))
            self.learned = max(self.learned or 0, look.index + 1)
        return True

    def miss(self, positions, sample):
        for position in positions:
            self.epoch.missing[position] = sample
            self.holes[sample] = self.holes.get(sample, 0) + 1
            self.lost += 1

    # How far a packet lies from the highest one: None means a restart.

    def step_to(self, look):
        if self.protocol.per:
            return self.step_per_sample(look)
        if self.protocol.sequence:
            forward, turn = steps_between(self.protocol.sequence, look.value, self.previous.value)
            if 1 <= forward <= min(MAX_JUMP, turn - WINDOW - 1):
                return forward
            backward = turn - forward if forward else 0
            return -backward if backward < WINDOW else None
        if self.protocol.gap:
            return self.step_of_time(look)
        return 1

    def step_of_time(self, look):
        field, nominal = self.protocol.timestamp, self.protocol.nominal
        modulus = field.modulus or 1 << field.width
        forward = (look.value - self.previous.value) % modulus
        if forward == 0:
            return 0
        jump = min(MAX_JUMP, modulus / nominal - WINDOW - 1)
        steps = math.floor(forward / nominal + 0.5) if forward > self.protocol.gap else 1
        if steps <= jump:
            return steps
        back = modulus - forward
        if back <= (WINDOW - 1) * nominal:
            return -math.floor(back / nominal + 0.5) or -1
        return None

    def step_per_sample(self, look):
        previous, per = self.previous, self.protocol.per
        jump = min(MAX_JUMP, (1 << self.protocol.sequence.width) // self.protocol.sequence.step - WINDOW - 1)
        samples, turn = steps_between(per, look.id, previous.id)
        if samples == 0:
            step = look.index - previous.index
        elif samples < turn // 2:
            size = self.size_of_previous()
            step = look.index + 1
            if size is not None:
                step += max(0, size - previous.index - 1) + (samples - 1) * (self.learned or size)
            if samples > jump:
                return None
            look.begun = samples
        elif look.id in self.bases:
            step = self.bases[look.id] + look.index - self.epoch.highest
        else:
            return None
        return step if -WINDOW < step <= jump else None

    def size_of_previous(self):
        """Packets of the sample that the highest packet belongs to, None if nobody knows."""
        if self.previous.marked:
            return self.previous.index + 1
        return self.protocol.packets or self.learned

    def learned_from_previous(self):
        """A sample is over: how many packets did it have?"""
        if self.previous.index is None:
            return
        size = self.previous.index + 1
        if self.learned is None or size > self.learned:
            self.learned, self.smaller = size, (0, 0)
        elif size < self.learned:
            self.smaller = (self.smaller[0] + 1 if self.smaller[1] == size else 1, size)
            if self.smaller[0] >= 3:
                self.learned, self.smaller = size, (0, 0)
        else:
            self.smaller = (0, 0)

    # A packet that is newer than all before it.

    def advance(self, look, step):
        epoch, between = self.epoch, step - 1
        begun, older, newer = self.boundary(look, between)
        position = epoch.highest + 1
        self.miss(range(position, position + older), self.samples)
        position += older
        if begun > 1:
            middle = between - older - newer
            for whole in range(1, begun):
                share = middle * whole // (begun - 1) - middle * (whole - 1) // (begun - 1)
                self.miss(range(position, position + share), self.samples + whole)
                if not share:           # known to be lost, though not how many packets it had
                    self.holes[self.samples + whole] = 1
                position += share
        self.samples += begun
        self.miss(range(position, position + newer), self.samples)
        if begun:
            self.learned_from_previous()
        epoch.received.add(epoch.highest + step)
        self.remember(look, epoch.highest + step)

    def boundary(self, look, lost):
        """(samples begun, lost ones of the older sample, lost ones of the new sample)"""
        protocol, previous = self.protocol, self.previous
        if protocol.per:
            begun = look.begun
            if not begun:
                return 0, lost, 0
            newer = min(lost, look.index)
            older = lost - newer
            if begun > 1:
                size = self.size_of_previous()
                older = max(0, size - previous.index - 1) if size is not None else 0
            return begun, older, newer
        if protocol.wrap:
            if look.wrap is None or previous.wrap is None or look.wrap >= previous.wrap:
                return 0, lost, 0
            if not lost or not protocol.wrap.modulus:
                return 1, lost, 0
            to_end = protocol.wrap.modulus - previous.wrap
            whole = to_end + look.wrap
            older = sum(1 for i in range(1, lost + 1) if i * whole < to_end * (lost + 1))
            return 1, older, lost - older
        if protocol.id:
            return self.boundary_of_id(look, lost)
        if protocol.marker:
            return (1, 0, lost) if previous.marked else (0, lost, 0)
        if protocol.packets:
            size = protocol.packets
            begun = (previous.position + lost + 1) // size - previous.position // size
            older = min(lost, size - 1 - previous.position % size)
            newer = min(lost - older, (previous.position + lost + 1) % size)
            return begun, older, newer
        return 0, lost, 0

    def boundary_of_id(self, look, lost):
        previous, field = self.previous, self.protocol.id
        if look.id is None or previous.id is None or look.id == previous.id:
            return 0, lost, 0
        begun = 1
        if field.step is not None:
            begun, turn = steps_between(field, look.id, previous.id)
            if begun == 0 or begun > turn // 2:
                begun = 1
        newer = min(lost, look.index) if look.index is not None else 0
        rest = lost - newer
        if begun == 1:
            if previous.marked and look.index is None:
                return 1, 0, lost
            return 1, rest, newer
        size = self.size_of_previous() if previous.index is not None else None
        if previous.marked or size is None:
            return begun, 0, newer
        return begun, min(rest, max(0, size - previous.index - 1)), newer


class Look:
    """What one packet says about its place."""

    def __init__(self, protocol, payload):
        self.value = self.id = self.index = self.wrap = None
        self.begun = 0
        self.position = None
        self.marked = bool(protocol.marker and protocol.marker.test(payload))
        self.resent = bool(protocol.resent and protocol.resent.test(payload))
        if protocol.sequence:
            self.value = protocol.sequence.read(payload)
        elif protocol.gap:
            self.value = protocol.timestamp.read(payload)
        if protocol.wrap:
            self.wrap = protocol.wrap.read(payload)
        if protocol.id:
            self.id = protocol.id.read(payload)
        if protocol.index:
            self.index = protocol.index.read(payload)
        if protocol.per:
            self.id = protocol.per.read(payload)
            if self.value is not None:
                self.index = (self.value - protocol.sequence.first) // protocol.sequence.step
                if self.id is None or self.index < 0:
                    self.value = None
