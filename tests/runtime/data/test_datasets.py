"""Datasets of torch.utils.data against the real torch."""

import pytest


def rows(torch):
    return torch.arange(20).reshape(10, 2), torch.arange(10) * 0.5


def test_tensor_dataset(same, raises):
    def program(torch, data):
        dataset = data.TensorDataset(*rows(torch))
        return len(dataset), dataset[3], dataset[2:4], dataset[[1, 5]], dataset[-1]

    same(program)
    raises(AssertionError, lambda t, data: data.TensorDataset(t.zeros(2), t.zeros(3)))


def test_concatenated_and_stacked(same, raises):
    def program(torch, data):
        one, two = data.TensorDataset(*rows(torch)), data.TensorDataset(torch.ones(3))
        both = one + two
        named = data.StackDataset(a=one, b=range(10))
        return (
            [both[i] for i in (0, 9, 10, 12, -1, -13)],
            (len(both), both.cumulative_sizes, both.cummulative_sizes),
            (named[4], named.__getitems__([1, 2])),
            data.StackDataset(one, data.Subset(one, range(10))).__getitems__([0, 7]),
        )

    same(program)
    raises(ValueError, lambda _, data: data.ConcatDataset([range(3)])[-4])
    raises(AssertionError, lambda _, data: data.ConcatDataset([]))
    raises(ValueError, lambda _, data: data.StackDataset())
    raises(ValueError, lambda _, data: data.StackDataset(range(2), range(3)))


def test_subset(same):
    def program(torch, data):
        part = data.Subset(data.TensorDataset(*rows(torch)), [8, 1, 5])
        return len(part), part[1], part[[0, 2]], part.__getitems__([2, 2])

    same(program)


def test_subset_with_half_of_its_items_overridden():
    from oarlock.torch.utils.data import Subset

    class Half(Subset):
        def __getitem__(self, index):
            return None

    with pytest.raises(NotImplementedError, match="Half overrides __getitem__ but not"):
        Half(range(3), [0])


@pytest.mark.parametrize("lengths", [[3, 7], [0.3, 0.3, 0.4], [0.95, 0.05, 0.0], [1, 0, 9]])
def test_random_split(same, lengths):
    same(lambda _, data: [part.indices for part in data.random_split(range(10), lengths)])
    same(
        lambda torch, data: [
            list(part)
            for part in data.random_split(
                range(10), lengths, generator=torch.Generator().manual_seed(42)
            )
        ]
    )


@pytest.mark.parametrize("lengths", [[3, 3], [1.5, -0.5]])
def test_random_split_refuses(raises, lengths):
    raises(ValueError, lambda _, data: data.random_split(range(10), lengths))


def test_iterable_datasets(same, raises):
    def program(_, data):
        class Stream(data.IterableDataset):
            def __iter__(self):
                yield from range(3)

            def __len__(self):
                return 3

        chain = Stream() + Stream()
        return list(chain), len(chain), isinstance(chain, data.Dataset)

    same(program)
    raises(AssertionError, lambda _, data: list(data.ChainDataset([range(3)])))
    raises(NotImplementedError, lambda _, data: data.Dataset()[0])
